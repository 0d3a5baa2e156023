"""Which field was meant: one of those that may stand there, not of some other table of the same file."""

from __future__ import annotations

import msgspec
import pytest

from bench.records.meant import meant


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    modules: int = 0
    speed: int = 0


class Other(msgspec.Struct, forbid_unknown_fields=True):
    modes: int = 0


class Whole(msgspec.Struct, forbid_unknown_fields=True):
    model: str = ""
    inner: Inner | None = None
    others: list[Other] = []
    named: dict[str, Inner] = {}
    pair: tuple[Inner, Other] | None = None


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ({"modle": "x"}, ". Did you mean `model`?"),
        ({"inner": {"modle": 1}}, ". Did you mean `modules`?"),
        ({"others": [{"modes": 1}, {"modle": 1}]}, ". Did you mean `modes`?"),
        ({"named": {"any": {"modle": 1}}}, ". Did you mean `modules`?"),
        ({"pair": [{}, {"modle": 1}]}, ". Did you mean `modules`?"),  # msgspec does not say at which place
        ({"inner": {"xyzzy": 1}}, ". Known: modules, speed"),
        ({"inner": 3}, ""),
    ],
)
def test_the_nearest_field_of_that_place(plain: object, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(plain, Whole)
    assert meant(str(caught.value), Whole) == words
