"""A plan on several nodes, from plan to kept runs: what comes back, what is lost, what is refused."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import msgspec
import pytest

from bench.fleet.head import Refused, Row, run_fleet
from bench.fleet.keeping import load_fleet
from bench.fleet.seam import FleetError
from bench.planning import BadPlan
from bench.records.fleet import FleetPlan
from bench.records.host import Device
from bench.records.plan import RunPlan
from bench.runner import resume
from bench.store.journal import JOURNAL
from bench.store.runs import RunFolder

from ..cli.kept import check_every_file
from .conftest import fleet_of, plan_of
from .local import LocalCluster

BOUND = {"latency_bound_ms": 200.0}


def runs_of(results: Path) -> dict[str, RunFolder]:
    return {folder.name: RunFolder(folder) for folder in (results / "runs").iterdir()}


def events_of(results: Path) -> list[tuple[str, str]]:
    lines = (results / JOURNAL).read_text().splitlines()
    return [(entry["event"], entry["run_id"]) for entry in map(json.loads, lines)]


@pytest.mark.full
def test_each_node_measures_the_plan_and_every_file_comes_back(model: Path, tmp_path: Path) -> None:
    rows: list[Row] = []
    cluster = LocalCluster("east", "west")
    fleet = fleet_of(cluster, plan_of(model, "single_stream", "offline"), tmp_path, rows)
    assert fleet.status == "complete"
    assert [(run.node, run.outcome, run.trials) for run in fleet.runs] == [
        ("east", "complete", 2),
        ("west", "complete", 2),
    ]
    check_every_file(tmp_path / "runs")
    folders = runs_of(tmp_path)
    for run in fleet.runs:
        kept = folders[run.run_id].load_run()
        assert (kept.status, kept.fleet and kept.fleet.fleet_id) == ("complete", fleet.fleet_id)
        assert all(record.status == "complete" for record in folders[run.run_id].load_records())
        assert (folders[run.run_id].trial("user_model.offline.fp32", 0) / "timeline.parquet").exists()
    assert sorted(events_of(tmp_path)) == sorted((event, run) for run in folders for event in ("started", "ended"))
    assert load_fleet(tmp_path / "fleets" / fleet.fleet_id / "fleet.json") == fleet
    assert cluster.most_held == 2
    assert not cluster.held
    assert {row.state for row in rows} == {"waiting", "measuring", "complete"}


@pytest.mark.full
def test_nodes_of_one_host_take_turns_unless_they_may_share_it(model: Path, tmp_path: Path) -> None:
    alone, shared = LocalCluster("a", "b", one_host=True), LocalCluster("a", "b", one_host=True)
    assert fleet_of(alone, plan_of(model, "offline"), tmp_path).status == "complete"
    assert alone.most_held == 1
    assert fleet_of(shared, plan_of(model, "offline"), tmp_path, share_host=True).status == "complete"
    assert shared.most_held == 2


@pytest.mark.full
def test_each_device_has_a_run_of_its_own(model: Path, tmp_path: Path) -> None:
    plan = plan_of(model, "offline", device="card")
    fleet = fleet_of(LocalCluster("east"), plan, tmp_path, per="device")
    assert [(run.device, run.outcome) for run in fleet.runs] == [("card:0", "complete"), ("card:1", "complete")]
    assert [folder.load_run().plan.device for folder in runs_of(tmp_path).values()] != ["card", "card"]


def test_a_lost_node_costs_its_repetition_and_nothing_that_came_back(model: Path, tmp_path: Path) -> None:
    cluster = LocalCluster("east", "west")
    cluster.dies["west"] = ("go", 1)  # after the first measurement came back whole
    fleet = fleet_of(cluster, plan_of(model, "single_stream", "offline"), tmp_path)
    east, west = fleet.runs
    assert (fleet.status, east.outcome, west.outcome) == ("partial", "complete", "lost")
    (lost,) = fleet.lost
    assert (lost.node, lost.run_id) == ("west", west.run_id)
    folder = runs_of(tmp_path)[west.run_id]
    check_every_file(folder.path)
    assert folder.load_run().status == "partial"
    assert len(folder.load_trials("user_model.single_stream.fp32")) == west.trials == 1
    assert ("ended", west.run_id) not in events_of(tmp_path)
    with pytest.raises(BadPlan, match="part of fleet"):
        resume(folder, lambda progress: None)
    assert len(folder.load_trials("user_model.offline.fp32")) == 0, "nothing was merged"


@pytest.mark.full
def test_what_is_lost_is_repeated_whole_on_an_identical_node_where_the_plan_says_so(
    model: Path, tmp_path: Path
) -> None:
    cluster = LocalCluster("east", "west", "zone")
    cluster.dies["west"] = ("go", 1)
    plan = plan_of(model, "single_stream", "offline")
    fleet = fleet_of(cluster, plan, tmp_path, count=2, spare=True)
    lost, again = fleet.runs[1], fleet.runs[2]
    assert (fleet.status, lost.outcome, again.node, again.outcome) == ("complete", "lost", "zone", "complete")
    assert again.repeats == lost.run_id
    assert again.trials == 2, "the whole plan, not the rest of it"
    assert {node.name for node in fleet.nodes} == {"east", "west", "zone"}


@pytest.mark.full
def test_no_other_kind_of_node_takes_the_place_of_a_lost_one(model: Path, tmp_path: Path) -> None:
    cluster = LocalCluster("west", "zone")
    cluster.dies["west"] = ("go", 1)
    cluster.changes["zone"] = lambda facts: msgspec.structs.replace(
        facts, host=msgspec.structs.replace(facts.host, cpu_model="another")
    )
    fleet = fleet_of(cluster, plan_of(model, "offline"), tmp_path, count=1, spare=True)
    assert (fleet.status, len(fleet.runs)) == ("partial", 1)


@pytest.mark.full
def test_nodes_together_start_at_one_moment_and_are_joined(model: Path, tmp_path: Path) -> None:
    plan = plan_of(model, "server", rate_per_s=200.0, seed=5, **BOUND)
    fleet = fleet_of(LocalCluster("east", "west"), plan, tmp_path, together=True)
    assert fleet.status == "complete"
    (joined,) = fleet.joined
    folders = [runs_of(tmp_path)[run.run_id] for run in fleet.runs]
    plans = [folder.load_run().plan for folder in folders]
    assert [plan.rate_per_s for plan in plans] == [100.0, 100.0]
    assert plans[0].seed != plans[1].seed
    assert joined.shares[0].samples + joined.shares[1].samples == sum(
        len(folder.load_trials("user_model.server.fp32")) * 662 for folder in folders
    )
    # Two processes of one machine: the agreed moment is met to within what the scheduler of a busy machine takes.
    assert joined.start_spread_ns < 2_000_000_000
    offered = joined.metrics["scheduled_per_s"].value
    assert offered == pytest.approx(200.0, rel=0.35)


@pytest.mark.full
def test_scaling_holds_nodes_together_against_the_same_nodes_alone(model: Path, tmp_path: Path) -> None:
    fleet = fleet_of(
        LocalCluster("east", "west"), plan_of(model, "offline"), tmp_path, together=True, scale=True, share_host=True
    )
    assert [(point.count, point.efficiency is None) for point in fleet.points] == [(1, False), (1, False), (2, False)]
    assert [point.efficiency for point in fleet.points[:2]] == [pytest.approx(1.0)] * 2
    both = fleet.joined[2]
    assert both.window_samples_per_s is not None
    alone = sum(one.window_samples_per_s or 0.0 for one in fleet.joined[:2])
    assert fleet.points[2].efficiency == pytest.approx(both.window_samples_per_s / alone)


@pytest.mark.full
def test_a_loss_ends_what_was_measured_together(model: Path, tmp_path: Path) -> None:
    cluster = LocalCluster("east", "west")
    cluster.dies["west"] = ("open_gate", 0)
    fleet = fleet_of(cluster, plan_of(model, "offline"), tmp_path, together=True)
    assert (fleet.status, fleet.joined) == ("partial", ())
    assert [run.outcome for run in fleet.runs] == ["stopped", "lost"]


@pytest.mark.full
def test_a_stop_ends_every_node_and_keeps_what_is_whole(model: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def observe(row: Row) -> None:
        if row.node == "east" and row.trials:
            stop.set()

    cluster = LocalCluster("east", "west")
    asked = FleetPlan(plan=plan_of(model, "single_stream", "offline", "multi_stream"))
    _, fleet = run_fleet(cluster, asked, tmp_path, observe, stop)
    assert fleet.status == "partial"
    assert "stopped" in {run.outcome for run in fleet.runs}
    assert not cluster.held
    check_every_file(tmp_path / "runs")


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("other-suite", {"suite_version": "9.9"}),
        ("other-code", {"code_sha256": "0" * 64}),
        ("other-ray", {"ray_version": "1.0"}),
        ("no-device", {"devices": {"fake": (Device(kind="card"),)}}),
    ],
)
def test_a_node_that_differs_is_refused_before_anything_is_measured(
    model: Path, tmp_path: Path, code: str, change: dict[str, object]
) -> None:
    cluster = LocalCluster("east", "west")
    cluster.changes["west"] = lambda facts: msgspec.structs.replace(facts, **change)
    with pytest.raises(Refused) as refused:
        fleet_of(cluster, plan_of(model, "offline"), tmp_path)
    assert [(one.code, one.node) for one in refused.value.problems] == [(code, "west")]
    assert not (tmp_path / "runs").exists()
    assert "start" not in {method for _, method in cluster.asked}


def test_engines_are_held_against_those_of_the_first_node(model: Path, tmp_path: Path) -> None:
    cluster = LocalCluster("east", "west")
    cluster.changes["west"] = lambda facts: msgspec.structs.replace(
        facts, host=msgspec.structs.replace(facts.host, packages={**facts.host.packages, "onnxruntime": "0.1"})
    )
    with pytest.raises(Refused) as refused:
        fleet_of(cluster, plan_of(model, "offline"), tmp_path)
    (problem,) = refused.value.problems
    assert (problem.code, problem.seen) == ("other-packages", "onnxruntime 0.1")


def test_a_plan_that_a_node_cannot_carry_out_is_refused_by_it(tmp_path: Path) -> None:
    plan = RunPlan(workloads=("user_model",), scenarios=("offline",), backend="fake", model=str(tmp_path / "none.onnx"))
    with pytest.raises(Refused) as refused:
        fleet_of(LocalCluster("east"), plan, tmp_path)
    assert [problem.code for problem in refused.value.problems] == ["plan-refused"]


def test_what_measures_together_must_not_share_a_host_unasked(model: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        fleet_of(LocalCluster("a", "b", one_host=True), plan_of(model, "offline"), tmp_path, together=True)
    assert [(one.code, one.node, one.seen) for one in refused.value.problems] == [("host-shared", "b", "a")]


@pytest.mark.parametrize(
    ("how", "words"),
    [({"nodes": ("wset",)}, "no node 'wset'.*west"), ({"count": 3}, "3 nodes are asked for, and 2 are alive")],
)
def test_nodes_that_are_not_there(model: Path, tmp_path: Path, how: dict[str, object], words: str) -> None:
    with pytest.raises(FleetError, match=words):
        fleet_of(LocalCluster("east", "west"), plan_of(model, "offline"), tmp_path, **how)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"together": True, "scenarios": ("single_stream",)}, "single_stream"),
        ({"together": True, "scenarios": ("server",)}, "rate_per_s"),
        ({"scale": True}, "goes with `together`"),
        ({"count": 0}, "at least one"),
        ({"wait_s": -1.0}, "wait_s"),
    ],
)
def test_what_cannot_be_asked(changes: dict[str, object], words: str) -> None:
    scenarios = changes.pop("scenarios", ("offline",))
    plan = RunPlan(workloads=("speech_command",), scenarios=scenarios)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=words):
        FleetPlan(plan=plan, **changes)  # type: ignore[arg-type]
