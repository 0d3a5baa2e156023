"""Both catalogues: the same keys, the same placeholders, and an entry for everything that a record can hold."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from bench.records.findings import CODES, Severity
from bench.records.metrics import METRICS, PRIMARY
from bench.records.numbers import IntervalKind
from bench.records.plan import MODES, SCENARIOS, Timed
from bench.records.record import Quality, Record
from bench.records.submission import Verdict as SubmissionVerdict
from bench.tasks import TASKS
from bench.text import LANGUAGES, name, sentence
from bench.text.catalogue import catalogue
from bench.text.findings import placeholders

REFUSAL_CODES = (
    "too-few-queries",
    "queries-failed",
    "too-short",
    "too-few-repetitions",
    "interval-not-supported",
    "non-finite-output",
    "quality-not-verified",
)


def test_languages_have_the_same_keys() -> None:
    first, *others = (set(catalogue(lang)) for lang in LANGUAGES)
    assert all(other == first for other in others)


def test_placeholders_match_and_texts_are_tidy() -> None:
    for key in catalogue("en"):
        texts = [catalogue(lang)[key] for lang in LANGUAGES]
        assert len({frozenset(placeholders(text)) for text in texts}) == 1, key
        assert all(text and text == text.strip() for text in texts if key != "phrase.list"), key
        assert all("\n" not in text for text in texts), key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_everything_a_record_can_hold_has_a_name(lang: str) -> None:
    texts = catalogue(lang)
    keys = [f"finding.{code}.{part}" for code in CODES for part in ("title", "bare", "why", "next")]
    keys += [f"metric.{metric}.{part}" for metric in METRICS for part in ("name", "definition")]
    keys += [f"interval.{kind}" for kind in get_args(IntervalKind)]
    keys += [f"severity.{severity}" for severity in get_args(Severity)]
    keys += [f"scenario.{scenario}" for scenario in SCENARIOS]
    keys += [f"mode.{mode}" for mode in MODES] + [f"definition.interval_{mode}" for mode in MODES]
    keys += [f"region.{region}" for region in get_args(Timed)]
    keys += [f"refusal.{code}" for code in REFUSAL_CODES]
    keys += [f"quality.{task.metric}" for task in TASKS.values()]
    assert [key for key in keys if key not in texts] == []


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("field", ["division", "attestation", "origin"])
def test_every_claim_has_a_name(lang: str, field: str) -> None:
    assert all(f"{field}.{claim}" in catalogue(lang) for claim in _literal(Record, field))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_way_of_judging_has_a_name(lang: str) -> None:
    assert all(f"judged_by.{way}" in catalogue(lang) for way in _literal(Quality, "judged_by"))


def test_english_definitions_come_from_the_registry() -> None:
    assert all(sentence("en", f"metric.{metric}.definition") == METRICS[metric].definition for metric in METRICS)
    assert set(PRIMARY.values()) <= set(METRICS)


def test_no_catalogue_speaks_of_yan_chi() -> None:
    # The glossary of Chinese standards has latency as 时延.
    assert not [key for key, text in catalogue("zh").items() if "延迟" in text]


def test_unknown_names_stay_as_they_are() -> None:
    assert name("en", "scenario", "offline") == "offline"
    assert name("zh", "scenario", "offline") == "离线"
    assert name("zh", "scenario", "a vendor's own") == "a vendor's own"


def test_unknown_keys_and_languages_are_errors() -> None:
    with pytest.raises(KeyError):
        sentence("en", "no.such.key")
    with pytest.raises(ValueError, match="known: en, zh"):
        sentence("fr", "mode.quick")


def test_values_are_never_read_as_templates() -> None:
    hostile = "{0.__class__} %s {seen}"
    assert hostile in sentence("en", "phrase.labelled", label="x", text=hostile)


def _literal(kind: type, field: str) -> tuple[str, ...]:
    return get_args(get_type_hints(kind)[field])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_everything_a_verification_can_say_has_a_text(lang: str) -> None:
    """The codes stand as literals in the calls that make an item."""
    room = Path(__file__).parents[2] / "bench" / "submission"
    calls = [
        call
        for file in room.glob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
    ]
    made = [call for call in calls if getattr(call.func, "id", "") in ("violated", "unchecked", "conforming", "bare")]
    assert len(made) > 40
    texts = catalogue(lang)
    for call in made:
        check, _, *more = call.args
        reason = more[0] if more and getattr(call.func, "id", "") != "conforming" else None
        for table, word in (("verification_check", check), ("verification_reason", reason)):
            if isinstance(word, ast.Constant) and isinstance(word.value, str):
                assert f"{table}.{word.value}" in texts, ast.unparse(call)
    handed_on = (
        "revoked",
        "other-role",
        "signed-in-future",
        "not-valid-then",
        "not-listed",
        "not-there",
        "other-bytes",
    )
    missing = ("no-trace", "no-record", "no-trial", "no-repetition", "no-file")
    assert all(f"verification_reason.{code}" in texts for code in handed_on + missing)
    assert all(f"missing.{code}" in texts for code in missing)
    assert all(f"verdict.{verdict}" in texts for verdict in get_args(SubmissionVerdict))
