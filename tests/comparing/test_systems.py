"""Systems against each other: as `bench compare` judges two, the same both ways round, corrected over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.comparing.judging import ALPHA, compare
from bench.comparing.kept import Kept, kept_records
from bench.comparing.margins import Margins
from bench.comparing.systems import Held, held_against_each_other, turned
from bench.comparing.verdicts import blank, by_scatter
from bench.records.plan import Scenario
from bench.store.runs import RUN
from tests.comparing.runs import kept_run
from tests.report import samples

MARGINS = Margins()
OFFLINE = [100.0, 101.0, 99.5, 100.4, 99.9]
STREAM = [35e6, 35.2e6, 34.9e6, 35.1e6, 35.0e6]
replace = msgspec.structs.replace


def records(
    results: Path, values: Mapping[Scenario, list[float]], name: str, more: Mapping[str, object] | None = None
) -> dict[str, Kept]:
    """A run whose `more` are fields of its records, on a machine of its own."""
    return kept_records(kept_run(results, values, name, more, cpu=f"Processor {name}") / RUN, name)


def times(factor: float, values: list[float]) -> list[float]:
    return [factor * value for value in values]


def verdicts(held: tuple[Held, ...]) -> dict[str, str]:
    return {judged.measurement: judged.verdict for entry in held for judged in entry.judged}


def test_two_systems_are_judged_as_compare_judges_them(tmp_path: Path) -> None:
    one = records(tmp_path, {"offline": OFFLINE, "single_stream": STREAM}, "a")
    other = records(tmp_path, {"offline": times(1.2, OFFLINE), "single_stream": times(1.1, STREAM)}, "b")
    found = held_against_each_other([one, other], MARGINS)
    compared = compare(one, other, MARGINS, allowed=("cpu",))
    assert tuple(judged for entry in found[0][1] for judged in entry.judged) == compared.judged
    assert verdicts(found[0][1]) == {
        "image_classify.offline.fp32": "better",
        "image_classify.single_stream.fp32": "worse",
    }
    assert verdicts(found[1][0]) == {
        "image_classify.offline.fp32": "worse",
        "image_classify.single_stream.fp32": "better",
    }
    assert found[0][0] == found[1][1] == ()


@given(
    here=st.lists(st.floats(50.0, 150.0), min_size=2, max_size=6),
    there=st.lists(st.floats(50.0, 150.0), min_size=2, max_size=6),
    metric=st.sampled_from(["samples_per_s", "latency_p90_ns", "late_share"]),
)
def test_turning_a_verdict_round_is_judging_the_other_way_round(
    here: list[float], there: list[float], metric: str
) -> None:
    if metric == "late_share":
        here, there = [value / 200.0 for value in here], [value / 200.0 for value in there]
    ahead = by_scatter(blank("m", metric, 0.02, here, there), here, there, ALPHA, 3)
    back = by_scatter(blank("m", metric, 0.02, there, here), there, here, ALPHA, 3)
    mirrored = turned(ahead)
    for field in ("verdict", "first", "second", "repetitions", "reasons", "better", "deciding"):
        assert getattr(mirrored, field) == getattr(back, field), field
    for field in ("change", "low", "high", "probability"):
        assert getattr(mirrored, field) == pytest.approx(getattr(back, field), rel=1e-9, abs=1e-12), field


def test_what_is_not_measured_alike_is_named_and_not_judged(tmp_path: Path) -> None:
    standard = records(tmp_path, {"offline": OFFLINE}, "a")
    quick = records(tmp_path, {"offline": OFFLINE}, "b", {"mode": "quick", "suite_version": "0.0.1"})
    found = held_against_each_other([standard, quick], MARGINS)
    for (entry,) in (found[0][1], found[1][0]):
        assert entry.judged == ()
        assert {field.field for field in entry.unlike} == {"mode", "suite_version"}
    assert next((field.first, field.second) for field in found[1][0][0].unlike) == ("quick", "standard")


def test_precisions_are_set_beside_each_other_and_not_judged(tmp_path: Path) -> None:
    one = records(tmp_path, {"offline": OFFLINE}, "a")
    asked = replace(samples.record("offline").measurement, precision="int8")
    other = records(tmp_path, {"offline": OFFLINE}, "b", {"measurement": asked})
    other = {entry.name: entry for entry in other.values()}
    ((entry,),) = (held_against_each_other([one, other], MARGINS)[0][1],)
    assert (entry.first, entry.second) == ("image_classify.offline.fp32", "image_classify.offline.int8")
    assert [field.field for field in entry.unlike] == ["precision"]


def test_how_a_system_serves_its_load_is_its_own(tmp_path: Path) -> None:
    one = records(tmp_path, {"offline": OFFLINE}, "a")
    asked = replace(samples.record("offline").measurement, batch=64, workers=3, threads=7)
    other = records(tmp_path, {"offline": times(1.1, OFFLINE)}, "b", {"measurement": asked})
    assert verdicts(held_against_each_other([one, other], MARGINS)[0][1]) == {"image_classify.offline.fp32": "better"}


def test_what_only_one_has_measured_is_left_out(tmp_path: Path) -> None:
    one = records(tmp_path, {"offline": OFFLINE, "single_stream": STREAM}, "a")
    other = records(tmp_path, {"offline": OFFLINE}, "b")
    assert [entry.second for entry in held_against_each_other([one, other], MARGINS)[0][1]] == [
        "image_classify.offline.fp32"
    ]


def test_lost_quality_is_seen_from_either_side(tmp_path: Path) -> None:
    sound = records(tmp_path, {"offline": OFFLINE}, "a")
    worse = records(tmp_path, {"offline": OFFLINE}, "b", {"quality": samples.quality(passed=None)})
    found = held_against_each_other([sound, worse], MARGINS)
    assert [judged.reasons for judged in found[0][1][0].judged] == [("quality-lost",)]
    assert verdicts(found[1][0]) == {"image_classify.offline.fp32": "same"}


def test_more_systems_ask_for_more(tmp_path: Path) -> None:
    """A verdict that stands between two need not stand among twenty: the errors of all are bounded together."""
    base = records(tmp_path, {"offline": OFFLINE}, "base")
    near = records(tmp_path, {"offline": times(1.031, OFFLINE)}, "near")
    rest = [records(tmp_path, {"offline": [100.0, 104.0, 96.0, 99.0, 101.0]}, f"rest-{number}") for number in range(18)]
    alone = held_against_each_other([base, near], MARGINS)[0][1][0].judged[0]
    among = held_against_each_other([base, near, *rest], MARGINS)[0][1][0].judged[0]
    assert alone.probability == among.probability
    assert alone.adjusted is not None
    assert among.adjusted == pytest.approx(19 * alone.adjusted)
    assert (alone.verdict, among.verdict) == ("better", "inconclusive")
