"""What a reader is told of the nonce, the challenge and the hand-over, in both languages."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from bench.records.job import Challenge, HandOver
from bench.records.record import Nonce
from bench.report.details import Line, record_setup, record_status

from .samples import HOSTILE, record, standard

PUT = Challenge(
    seed=1, model_hash="sha256:c", samples=8, mismatched=1, largest_error=3.6e-7, tolerance=1e-5, slower=0.991
)


def status_lines(lang: str, **changes: object) -> tuple[Line, ...]:
    return record_status(msgspec.structs.replace(standard(), **changes), "valid", lang).lines


@pytest.mark.parametrize(
    ("lang", "origin", "words"),
    [
        ("en", "given", "abab: handed out"),
        ("en", "drawn", "abab: drawn on this machine"),
        ("zh", "given", "abab：由外部发放"),
        ("zh", "drawn", "abab：由本机抽取"),
    ],
)
def test_the_nonce_and_where_it_comes_from(lang: str, origin: Literal["given", "drawn"], words: str) -> None:
    assert words in dict(status_lines(lang, nonce=Nonce(value="abab", origin=origin))).values()


def test_a_challenge_with_its_figures() -> None:
    lines = dict(status_lines("en", challenge=PUT))
    assert lines["Challenge"] == "7 of 8 answers of the network with changed weights as the reference says"
    assert lines["Challenge: largest error (tolerance)"] == "3.6e-07 (1e-05)"
    assert lines["Challenge: time, of the measured network's (lower limit)"] == "99.10 %"
    assert lines["Challenge: network"] == "sha256:c"
    infinite = msgspec.structs.replace(PUT, largest_error=None)
    assert "∞ (1e-05)" in dict(status_lines("zh", challenge=infinite)).values()


@pytest.mark.parametrize(
    ("lang", "by", "words"),
    [
        ("en", "engine", "not answered: "),
        ("en", "reference", "not made: "),
        ("zh", "engine", "未解答："),
        ("zh", "reference", "未作："),
    ],
)
def test_a_challenge_that_was_refused(lang: str, by: Literal["engine", "reference"], words: str) -> None:
    refused = Challenge(seed=1, refused=HOSTILE, refused_by=by)
    (line,) = set(status_lines(lang, challenge=refused)) - set(status_lines(lang))
    assert line[1].startswith(words)
    assert "\x1b" not in line[1]


def test_the_cost_of_a_hand_over() -> None:
    own = msgspec.structs.replace(record(), hand_over=HandOver(calls=9, p50_ns=7370, p99_ns=66_200))
    assert dict(record_setup(own, "en").lines)["Hand-over to the engine's process (p50 / p99)"] == "7.37 µs / 66.2 µs"
    assert all("Hand-over" not in label for label, _ in record_setup(record(), "en").lines)
