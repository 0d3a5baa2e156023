"""Archives that no submitter would think of: whatever is in them, a verification ends in a verdict or a named refusal.

Mutations know the structure of what they change: a tar and its headers, JSON and its fields, envelopes, Parquet and its
footer. `tests/data/fuzz` keeps what once went wrong, or would have without a limit, and is replayed first.
"""

from __future__ import annotations

import base64
import datetime
import json
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.records.record import Record, Run, Trial
from bench.records.submission import Environment, Manifest, Verification
from bench.records.untrusted import BadFile, parse_json
from bench.submission.archive import BadArchive, unpack
from bench.submission.signatures import check_signatures
from bench.submission.signing import signatures_file
from bench.submission.timelines import BadTimeline, read_foreign
from bench.submission.trusted import TrustedKeys

from .handing_in import Laboratory, forged, signed, written

CORPUS = Path(__file__).parents[1] / "data" / "fuzz"
KINDS = {"run": Run, "record": Record, "trial": Trial, "manifest": Manifest, "environment": Environment}
# What fits nowhere, or nearly: sizes that nobody drives, texts that mean something elsewhere, other types.
ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 2**31, 2**53, 2**63, -(2**63), 10**30, 1e308, 5e-324, -0.0),
    *("", "x" * 5000, "../../etc/passwd", "\x00", "\x1b[2J", "９", "nan", "2026-01-01T00:00:00+00:00"),
    *([], {}, [[]], [[[[1]]]], {"a": {"b": None}}, ["x"] * 500, {str(number): number for number in range(500)}),
)
FEW = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
# A whole verification takes 200 MB with all that it imports.
MOST_BYTES = 512 << 20


def paths(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a JSON document."""
    yield way
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in entries:
        yield from paths(part, (*way, key))


def changed_document(data: st.DataObject, content: bytes) -> bytes:
    """One to three parts of a document replaced, doubled, renamed or gone."""
    plain = json.loads(content)
    for _ in range(data.draw(st.integers(1, 3))):
        way = data.draw(st.sampled_from(sorted(paths(plain), key=repr)[1:] or [()]))
        if not way:
            return json.dumps(data.draw(st.sampled_from(ODD))).encode()
        parent = plain
        for step in way[:-1]:
            parent = parent[step]
        what = data.draw(st.sampled_from(("replace", "replace", "replace", "remove", "add")))
        if what == "replace":
            # A copy: what is changed next may lie in it, and the odd ones are the same for all examples.
            parent[way[-1]] = deepcopy(data.draw(st.sampled_from(ODD)))
        elif what == "remove":
            del parent[way[-1]]
        elif isinstance(parent, list):
            parent.append(deepcopy(parent[way[-1]]))
        else:
            parent[str(way[-1]) + "_"] = deepcopy(parent[way[-1]])
    return json.dumps(plain).encode()


def changed_bytes(data: st.DataObject, content: bytes) -> bytes:
    """Some bytes turned, most of them near an end, where headers and footers are; or cut off; or doubled."""
    found = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        near = data.draw(st.sampled_from((0, len(found) // 2, len(found) - 1)))
        at = min(max(near + data.draw(st.integers(-300, 300)), 0), len(found) - 1)
        what = data.draw(st.sampled_from(("turn", "turn", "turn", "cut", "double")))
        if what == "turn":
            found[at] = data.draw(st.integers(0, 255))
        elif what == "cut":
            del found[at + 1 :]
        else:
            found[at:at] = found[at : at + 50]
    return bytes(found)


def verified(laboratory: Laboratory, archive: Path) -> Verification | None:
    """The verdict; None for a refusal, which has one line."""
    try:
        return laboratory.verify(archive)
    except (BadArchive, BadFile) as error:
        in_a_line(error)
        return None


def in_a_line(error: Exception) -> None:
    assert "\n" not in str(error)


def one_example(data: st.DataObject, archive: Path, laboratory: Laboratory, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    target, key = place / archive.name, laboratory.keys["submitter"]
    folder = place / "parts"
    folder.mkdir()
    unpack(archive, folder)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    file = data.draw(st.sampled_from(files), label="file")
    how = changed_document if file.suffix == ".json" and data.draw(st.booleans(), label="by field") else changed_bytes
    if file.name == "manifest.json":
        file.write_bytes(how(data, file.read_bytes()))
        verified(laboratory, signed(written(folder, target), key))
        return
    content = how(data, file.read_bytes())
    name = file.relative_to(folder)
    found = verified(
        laboratory, forged(archive, target, lambda parts: (parts / name).write_bytes(content) and None, key)
    )
    assert found is not None, "a file of an archive that is whole is a matter of findings"
    assert all("\n" not in item.seen for item in found.items)


@FEW
@given(st.data())
def test_any_change_ends_in_a_verdict(
    archive: Path, laboratory_: Laboratory, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    one_example(data, archive, laboratory_, tmp_path_factory.getbasetemp() / "fuzzed")


def memory_bytes(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{key}:"))


@pytest.mark.full
@pytest.mark.timeout(3600)
@MANY
@given(st.data())
def test_any_of_many_changes_ends_in_a_verdict(
    archive: Path, laboratory_: Laboratory, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    # The kernel's mark of the most memory, put back first: other tests of this process may have taken more before.
    Path("/proc/self/clear_refs").write_text("5")
    before = memory_bytes("VmRSS")
    one_example(data, archive, laboratory_, tmp_path_factory.getbasetemp() / "fuzzed")
    assert memory_bytes("VmHWM") - before < MOST_BYTES


@settings(FEW, max_examples=60)
@given(st.data())
def test_any_tar_is_taken_apart_or_refused(
    archive: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    place = tmp_path_factory.mktemp("tar")
    (place / "one.tar").write_bytes(changed_bytes(data, archive.read_bytes()[: 1 << 16]))
    (place / "inner").mkdir()
    try:
        unpack(place / "one.tar", place / "inner")
    except BadArchive as error:
        in_a_line(error)
    assert {file.name for file in place.iterdir()} == {"one.tar", "inner"}
    shutil.rmtree(place)


@settings(FEW, max_examples=40)
@given(st.data())
def test_any_envelope_is_judged(
    archive: Path, laboratory_: Laboratory, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The lines of signatures, what is in them once more encoded, and the signatures themselves."""
    place = tmp_path_factory.mktemp("envelope")
    copy = place / archive.name
    content = signatures_file(archive).read_bytes()
    how = data.draw(st.sampled_from(("bytes", "document", "payload")))
    if how == "bytes":
        content = changed_bytes(data, content)
    elif how == "document":
        content = changed_document(data, content)
    else:
        plain = json.loads(content)
        payload = changed_document(data, base64.b64decode(plain["payload"]))
        content = json.dumps({**plain, "payload": base64.b64encode(payload).decode()}).encode()
    signatures_file(copy).write_bytes(content)
    now = datetime.datetime.now(datetime.UTC)
    found = check_signatures(copy, "0" * 64, "another run", TrustedKeys(laboratory_.trusted), now, unsigned=False)
    assert "conforms" not in {item.verdict for item in found.items if item.check == "signature"}
    shutil.rmtree(place)


@settings(FEW, max_examples=25)
@given(st.data())
def test_any_parquet_is_read_or_refused(
    archive: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    place = tmp_path_factory.mktemp("parquet")
    unpack(archive, place)
    file = data.draw(st.sampled_from(sorted(place.rglob("timeline.parquet"))))
    file.write_bytes(changed_bytes(data, file.read_bytes()))
    try:
        assert all(column.ndim == 1 for column in read_foreign(file).values())
    except BadTimeline as error:
        in_a_line(error)
    shutil.rmtree(place)


def readers(file: Path) -> Callable[[], object]:
    """What reads a file of the corpus, by its name."""
    if file.suffix == ".parquet":
        return lambda: read_foreign(file)
    return lambda: parse_json(file.read_bytes(), KINDS[file.name.split(".")[0].split("-")[0]], file.name)


def test_the_corpus_is_small_and_every_file_of_it_is_read_or_refused() -> None:
    files = sorted(file for file in CORPUS.iterdir() if file.suffix in (".parquet", ".json"))
    assert len(files) >= 10
    assert sum(file.stat().st_size for file in files) <= 200_000
    for file in files:
        try:
            readers(file)()
        except (BadTimeline, BadFile) as error:
            in_a_line(error)


@pytest.mark.parametrize("field", ["payload", "payloadType", "signatures"])
def test_fields_of_an_envelope_that_are_of_another_type_are_refused(
    archive: Path, laboratory_: Laboratory, tmp_path: Path, field: str
) -> None:
    plain = json.loads(signatures_file(archive).read_bytes())
    now = datetime.datetime.now(datetime.UTC)
    for odd in ODD:
        signatures_file(tmp_path / archive.name).write_text(json.dumps({**plain, field: odd}))
        found = check_signatures(tmp_path / archive.name, "0" * 64, "x", TrustedKeys(laboratory_.trusted), now, False)
        assert "conforms" not in {item.verdict for item in found.items if item.check == "signature"}
