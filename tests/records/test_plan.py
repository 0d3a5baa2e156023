"""`bench.records.plan`: plans refuse what cannot be carried out or kept, and come back as they were."""

from __future__ import annotations

import math
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.effort import EFFORTS, effort_of
from bench.records.plan import MODES, PRECISIONS, SCENARIOS, Mode, RunPlan
from bench.records.untrusted import BadFile, parse_json

from ..fixtures import measurement

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
SETTINGS = TEXT | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
# These need more of a plan than its own field.
NEEDY = {"trace", "concurrent"}
PLANS = st.builds(
    RunPlan,
    workloads=st.lists(TEXT, min_size=1, max_size=3, unique=True).map(tuple),
    scenarios=st.lists(st.sampled_from(sorted(set(SCENARIOS) - NEEDY)), min_size=1, unique=True).map(tuple),
    backend=TEXT,
    device=TEXT,
    mode=st.sampled_from(sorted(set(MODES) - {"certified", "mlperf"})),  # which take no seed, and another driver
    precision=st.sampled_from(PRECISIONS),
    batch=st.none() | st.integers(1, 65536),
    workers=st.integers(1, 1024),
    seed=st.integers(0, 2**63 - 1),
    budget_s=st.none() | st.floats(1e-3, 1e9),
    settings=st.dictionaries(TEXT, SETTINGS, max_size=4),
)


@given(PLANS)
def test_plans_come_back_as_they_were(plan: RunPlan) -> None:
    assert parse_json(msgspec.json.encode(plan), RunPlan, "plan.json") == plan


@given(st.binary(min_size=16, max_size=64).map(bytes.hex), st.sampled_from(MODES))
def test_plans_with_a_nonce_come_back_as_they_were(nonce: str, mode: Mode) -> None:
    plan = RunPlan(nonce=nonce, mode=mode, driver="loadgen" if mode == "mlperf" else "bench")
    assert parse_json(msgspec.json.encode(plan), RunPlan, "plan.json") == plan
    assert plan.own_process is (mode == "certified")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"nonce": ""}, "32 to 128 lower-case hexadecimal digits"),
        ({"nonce": "ab" * 15}, "32 to 128"),
        ({"nonce": "ab" * 65}, "32 to 128"),
        ({"nonce": "ab" * 16 + "c"}, "in pairs"),
        ({"nonce": "AB" * 16}, "lower-case"),
        ({"nonce": "xy" * 16}, "hexadecimal"),
        ({"nonce": "ab" * 16 + "\n"}, "hexadecimal"),
        ({"nonce": "ab" * 16, "seed": 3}, "takes the place of `seed`"),
        ({"token": "T-1", "mode": "certified"}, "comes with its `nonce`"),
        ({"token": "T-1", "nonce": "ab" * 16}, "is for mode `certified`"),
        ({"mode": "certified", "seed": 3}, "takes no `seed`"),
        ({"mode": "certified", "processes": 1}, "`processes` is 2 there, not 1"),
        ({"mode": "certified", "driver": "loadgen"}, "measures with the driver `bench`"),
        ({"mode": "certified", "more_devices": ["card:1"]}, "drives one device"),
    ],
)
def test_what_certified_and_a_nonce_do_not_take(fields: dict[str, object], words: str) -> None:
    with pytest.raises(BadFile) as caught:
        parse_json(msgspec.json.encode(fields), RunPlan, "plan.json")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_certified_warms_up_long_once_and_holds_a_load_for_300_bounds() -> None:
    assert effort_of("certified", measurement()).window_s * 10 == 10
    assert effort_of("certified", measurement(), first=True).window_s * 10 == 600
    assert effort_of("standard", measurement(), first=True) == EFFORTS["standard"]
    for scenario, bound_s, lasts_s in (("server", 0.03, 60), ("server", 1, 300), ("streams", 9, 600), ("trace", 9, 60)):
        asked = measurement(scenario, latency_bound_ns=round(bound_s * 1e9))  # type: ignore[arg-type]
        assert effort_of("certified", asked).duration_s == lasts_s
        assert effort_of("standard", asked) == EFFORTS["standard"]


def test_an_empty_plan_is_the_default_plan() -> None:
    assert parse_json(b"{}", RunPlan, "plan.json") == RunPlan()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"scenaros": ["offline"]}', "unknown field `scenaros`"),
        (b'{"schema": 2}', "at `$.schema`"),
        (b'{"scenarios": ["offlin"]}', "at `$.scenarios[0]`"),
        (b'{"mode": "certain"}', "at `$.mode`"),
        (b'{"workers": 2.5}', "at `$.workers`"),
        (b'{"batch": 0}', "`batch` is 0; it must lie between 1 and"),
        (b'{"settings": {"a": null}}', "at `$.settings"),
    ],
)
def test_a_plan_file_with_a_wrong_field_names_it(text: bytes, words: str) -> None:
    with pytest.raises(BadFile) as caught:
        parse_json(text, RunPlan, "plan.json")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"workloads": ()}, "at least one workload"),
        ({"scenarios": ()}, "at least one workload and one scenario"),
        ({"workloads": ("a", "a")}, "once"),
        ({"scenarios": ("offline", "offline")}, "once"),
        ({"workers": 0}, "`workers` is 0"),
        ({"threads": -1}, "`threads` is -1"),
        ({"batch": 10**9}, "`batch` is 1000000000"),
        ({"seed": -1}, "`seed` is -1"),
        ({"seed": 2**63}, "`seed`"),
        ({"budget_s": 0.0}, "`budget_s` is 0.0"),
        ({"budget_s": math.nan}, "`budget_s` is nan"),
        ({"budget_s": math.inf}, "`budget_s` is inf"),
        ({"settings": {"x": math.nan}}, "setting 'x' is nan"),
        ({"data": "pictures"}, "`data` goes with `model`"),
        ({"tune_budget_s": 20.0}, "`tune_budget_s` goes with `tune`"),
        ({"tune": True, "tune_budget_s": 0.5}, "`tune_budget_s` is 0.5; it must lie between 1 and 86400 seconds"),
        ({"tune": True, "tune_budget_s": math.nan}, "`tune_budget_s` is nan"),
        ({"tune": True, "tune_budget_s": math.inf}, "`tune_budget_s` is inf"),
        ({"tune": True, "driver": "loadgen"}, "it does not go with the driver `loadgen`"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        RunPlan(**fields)  # type: ignore[arg-type]


def test_a_plan_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        RunPlan().seed = 1  # type: ignore[misc]


def test_every_mode_has_its_effort() -> None:
    assert set(EFFORTS) == set(MODES)
    assert all(list(effort.repetitions) == sorted(effort.repetitions) for effort in EFFORTS.values())


def test_a_measurement_is_named_by_what_it_is() -> None:
    assert measurement("offline", workload="w", precision="int8").name == "w.offline.int8"
