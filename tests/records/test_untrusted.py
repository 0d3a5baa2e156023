"""`bench.records.untrusted`: whatever the bytes, a value of the asked type or one `BadFile` that says what is wrong."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tracemalloc
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.records import untrusted
from bench.records.plan import RunPlan
from bench.records.untrusted import LIMIT_DEPTH, BadFile, parse_json, read_json, read_object, read_toml


class Inner(msgspec.Struct):
    count: int


class Outer(msgspec.Struct):
    name: str = ""
    inner: tuple[Inner, ...] = ()


def refused(text: bytes, kind: type = dict) -> str:
    with pytest.raises(BadFile) as caught:
        parse_json(text, kind, "file.json")
    assert str(caught.value).startswith("file.json: ")
    return str(caught.value)


def test_what_is_right_is_decoded() -> None:
    found = parse_json('{"name": "é[{", "inner": [{"count": 1}, {"count": 2}]}'.encode(), Outer, "file.json")
    assert found == Outer(name="é[{", inner=(Inner(count=1), Inner(count=2)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a": 1, "a": 2}', "the key 'a' stands twice in one object"),
        (b'{"b": [{"a": 1, "c": 3, "a": 2}]}', "the key 'a' stands twice"),
        (b'{"a": NaN}', "NaN is not a finite number"),
        (b'{"a": -Infinity}', "-Infinity is not a finite number"),
        (b'{"a": 1e999}', "1e999 is not a finite number"),
        (b'{"a": [' + b"9" * 5000 + b"]}", "not usable as JSON"),
        (b'{"a": 1', "not usable as JSON"),
        (b"", "not usable as JSON"),
        (b"[1, 2]", "Expected `object`, got `array`"),
        (b"\xff\xfe\x00", "not usable as JSON"),
        ('{"a": 1}'.encode("utf-16"), "not usable as JSON"),
        ('{"a": 1}'.encode("utf-8-sig"), "not usable as JSON"),
    ],
)
def test_what_is_wrong_is_named(text: bytes, words: str) -> None:
    assert words in refused(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"inner": [{"count": 1}, {"count": "2"}]}', "Expected `int`, got `str` - at `$.inner[1].count`"),
        (b'{"inner": [{"count": true}]}', "got `bool` - at `$.inner[0].count`"),
        (b'{"inner": [{}]}', "missing required field `count` - at `$.inner[0]`"),
        (b'{"name": null}', "Expected `str`, got `null` - at `$.name`"),
    ],
)
def test_a_wrong_type_is_named_with_the_path_of_its_field(text: bytes, words: str) -> None:
    assert words in refused(text, Outer)


def test_nesting_is_limited_before_the_parser_recurses() -> None:
    def nested(depth: int) -> bytes:
        return b"[" * depth + b"]" * depth

    assert parse_json(nested(LIMIT_DEPTH), list, "file.json") is not None
    assert f"nested deeper than {LIMIT_DEPTH}" in refused(nested(LIMIT_DEPTH + 1), list)
    assert f"nested deeper than {LIMIT_DEPTH}" in refused(b'{"a":' * 1_000_000, dict)


def test_brackets_within_strings_are_no_nesting() -> None:
    text = b'["' + b"[" * 1000 + b'", "\\"' + b"{" * 1000 + b'"]'
    assert parse_json(text, list, "file.json") == ["[" * 1000, '"' + "{" * 1000]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", [b'"' + b'\\"' * 1_000_000, b'"' + b"a" * 4_000_000 + b'"', b'"\\' * 1_000_000])
def test_odd_strings_take_linear_time(text: bytes) -> None:
    """An expression that backtracks takes hours for the first, and gigabytes for the second."""
    refused(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(text: bytes) -> None:
    with contextlib.suppress(BadFile):  # and nothing else
        assert isinstance(parse_json(text, Outer, "file.json"), Outer)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON))
def test_any_json_object_comes_back_as_it_was(value: dict[str, object]) -> None:
    assert parse_json(msgspec.json.encode(value), dict, "file.json") == msgspec.json.decode(msgspec.json.encode(value))


# Pairs instead of dictionaries, so that keys stand twice; texts with colons, brackets, quotes and escapes in them.
TEXT = st.text(alphabet=':,[]{}"\\\x07é\u2028a', max_size=4)
PAIRS = st.recursive(
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(TEXT, inner), max_size=4).map(tuple),
    max_leaves=12,
)


def written(value: object) -> str:
    """JSON of a value whose tuples are objects of pairs."""
    if isinstance(value, tuple):
        return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {written(one)}" for key, one in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def as_json_reads_it(text: bytes) -> object:
    """The definition: Python's own decoder, with a look at every object's keys."""

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError
        return dict(pairs)

    return json.loads(text, object_pairs_hook=unique)


@given(st.lists(PAIRS, max_size=3))
@settings(max_examples=300)
def test_the_quick_reading_is_that_of_the_slow_one(value: list[object]) -> None:
    text = written(value).encode()
    try:
        expected = as_json_reads_it(text)
    except ValueError:
        assert "stands twice" in refused(text, list)
    else:
        found = parse_json(text, list, "file.json")
        assert json.dumps(found) == json.dumps(expected)  # 1 is not 1.0


@given(st.lists(st.tuples(st.sampled_from("abc"), PAIRS), max_size=4))
@settings(max_examples=200)
def test_entries_that_are_passed_over_are_left_out(tmp_path_factory: pytest.TempPathFactory, pairs: list) -> None:
    file = tmp_path_factory.getbasetemp() / "object.json"
    file.write_text(written(tuple(pairs)), encoding="utf-8")
    try:
        expected = as_json_reads_it(file.read_bytes())
    except ValueError:
        expected = None
    if expected is None:  # a key stands twice, unless that is within what is not looked at
        with contextlib.suppress(BadFile):
            found = read_object(file, ("b",))
            assert "b" not in found
            assert sum(key == "b" for key, _ in pairs) == 1
    else:
        assert isinstance(expected, dict)
        found = read_object(file, ("b",))
        assert json.dumps(found) == json.dumps({key: value for key, value in expected.items() if key != "b"})


@pytest.mark.parametrize("text", [b'{"a":1,"a":2,"b":{"c":1}}', b'{"b":1,"b":2}', b'{"a":{"c":1,"c":2},"b":0}'])
def test_keys_twice_are_seen_beside_what_is_passed_over(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "object.json").write_bytes(text)
    with pytest.raises(BadFile, match="stands twice"):
        read_object(tmp_path / "object.json", ("b",))


@pytest.mark.parametrize(
    "text",
    [b"[" + b"9" * 5000 + b"]", b"[1e400]", b"[NaN]", b"[-Infinity]", b'["\xff"]', b'["\x00"]', b"[01]", b"[1,]"],
)
def test_what_python_refuses_is_refused(text: bytes) -> None:
    assert "not usable as JSON" in refused(text, list)


@given(st.dictionaries(st.sampled_from([*RunPlan.__struct_fields__, "extra"]), JSON, max_size=5))
def test_any_json_object_is_a_plan_or_refused(value: dict[str, object]) -> None:
    with contextlib.suppress(BadFile):  # and nothing else
        assert isinstance(parse_json(msgspec.json.encode(value), RunPlan, "plan.json"), RunPlan)


# -------------------------------------------------------------------------------------------------------- files


def test_a_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted, "LIMIT_BYTES", 10)
    (tmp_path / "small.json").write_text('{"a": 12}\n')
    (tmp_path / "large.json").write_text('{"a": 123}\n')
    assert read_json(tmp_path / "small.json", dict) == {"a": 12}
    with pytest.raises(BadFile, match="larger than the 10 bytes that are read"):
        read_json(tmp_path / "large.json", dict)


@pytest.mark.timeout(60)
@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device")
def test_a_file_without_end_is_not_read_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted, "LIMIT_BYTES", 1 << 16)
    with pytest.raises(BadFile, match="/dev/zero: larger"):
        read_json(Path("/dev/zero"), dict)


def test_a_file_that_cannot_be_read_is_a_bad_file(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"missing\.json: cannot be read: No such file"):
        read_json(tmp_path / "missing.json", dict)
    with pytest.raises(BadFile, match="cannot be read: Is a directory"):
        read_toml(tmp_path, dict)


# --------------------------------------------------------------------------------------------------------- TOML


def toml(folder: Path, text: bytes, kind: type = dict) -> object:
    (folder / "file.toml").write_bytes(text)
    return read_toml(folder / "file.toml", kind)


def test_toml_is_decoded_as_the_type_asked_for(tmp_path: Path) -> None:
    found = toml(tmp_path, b'name = "x"\n[[inner]]\ncount = 1\n', Outer)
    assert found == Outer(name="x", inner=(Inner(count=1),))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"name = 1", "Expected `str`, got `int` - at `$.name`"),
        (b"name = 'a'\nname = 'b'", "not usable as TOML"),
        (b"limit = nan", "nan is not a finite number"),
        (b"limit = -inf", "-inf is not a finite number"),
        (b"limit = 1e999", "1e999 is not a finite number"),
        (b"a = " + b"[" * 5000, "not usable as TOML"),
        (b"a." * 64 + b"a = 1", "nested deeper than 64"),
        (b"[" + b"a." * 100_000 + b"a]", "nested deeper than 64"),
        (b'"\\"" . ' * 100_000 + b"a = 1", "nested deeper than 64"),
        (b"' '." * 100_000 + b"a = 1", "nested deeper than 64"),
        (b"#" * (1 << 20) + b"\n", "larger than the 1048576 bytes"),
        (b"\xff\x00", "not usable as TOML"),
        (b"= 1", "not usable as TOML"),
    ],
)
def test_wrong_toml_is_named(tmp_path: Path, text: bytes, words: str) -> None:
    with pytest.raises(BadFile, match=re.escape(words)):
        toml(tmp_path, text, Outer)


def test_a_name_that_is_no_text_in_utf8_can_be_told(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.json")
    with pytest.raises(BadFile, match="cannot be read"):
        read_json(odd, dict)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[" + b"{}," * 2_000_001 + b"{}]", "more than 2000000 lists and objects"),
        (b"]" * 2_000_001, "more than 2000000 lists and objects"),
        (b"[" + b"0," * 8_000_001 + b"0]", "more than 8000000 entries"),
    ],
    ids=["objects", "ends", "numbers"],
)
def test_parts_by_the_million_are_refused_before_they_are_made(text: bytes, words: str) -> None:
    """Each takes a byte or three here, and a hundred once it is a list."""
    tracemalloc.start()
    try:
        assert words in refused(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(text)
