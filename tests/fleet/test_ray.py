"""`bench fleet` on Ray clusters of several nodes of this machine: some die, hang or are full; who is left over."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bench.fleet.keeping import load_fleet
from bench.records.fleet import Fleet
from bench.store.runs import RunFolder

from ..cli.kept import check_every_file
from ..cli.things import Command, Outcome, Running, finish, start, surroundings
from .conftest import plan_of

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray (extra `fleet`) is not installed")
TOLERABLY_S = 180.0  # of one step; only a hang reaches it
OURS = ("bench.fleet.measuring", "bench.loadgen.child")


class Nodes:
    """A cluster in a process of its own (`ray_nodes.py`)."""

    def __init__(self, folder: Path) -> None:
        self.home = str(folder / "home")
        script = Path(__file__).with_name("ray_nodes.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=surroundings(folder),
            start_new_session=True,
        )
        self.address = self._heard()

    def tell(self, words: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        assert self._heard() == "ok"

    def _heard(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("@"):
                return line[1:].strip()
        raise AssertionError("the cluster's process ended")

    def quit(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write("quit\n")
            self.process.stdin.flush()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    cluster = Nodes(tmp_path_factory.mktemp("nodes"))
    try:
        cluster.tell("add east")
        cluster.tell("add west")
        yield cluster
    finally:
        cluster.quit()


@pytest.fixture
def plan(model: Path, tmp_path: Path) -> Path:
    file = tmp_path / "plan.json"
    import msgspec

    file.write_bytes(msgspec.json.encode(plan_of(model, "single_stream", "offline")))
    return file


def bench(folder: Path, *arguments: object) -> Outcome:
    return finish(start(folder, *arguments, hurried=False))


def begun(folder: Path, *arguments: object) -> Running:
    """A started `bench fleet run`, once every node measures."""
    process = start(folder, "fleet", "run", *arguments, hurried=False)
    wait_for(lambda: process.poll() is not None or said(process).count("measuring: [") >= 1)
    return process


def said(process: Running) -> str:
    error = process.said[1]
    place = error.tell()
    error.seek(0)
    text = error.read().decode()
    error.seek(place)
    return text


def wait_for(happened: Callable[[], bool]) -> None:
    ends = time.monotonic() + TOLERABLY_S
    while not happened():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.05)


def left_over(nodes: Nodes) -> list[psutil.Process]:
    """Processes that measure on these nodes, agents' own children first; other tests may run beside."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(name in process.cmdline() for name in OURS) and process.environ().get("HOME") == nodes.home:
                found.append(process)
    return sorted(found, key=lambda process: OURS[0] not in process.cmdline())


def fleet_in(results: Path) -> Fleet:
    (file,) = results.glob("fleets/*/fleet.json")
    return load_fleet(file)


@pytest.mark.full
def test_status_names_nodes_and_what_they_are(nodes: Nodes, tmp_path: Path) -> None:
    outcome = bench(tmp_path, "fleet", "status", "--address", nodes.address, "--backend", "fake", "--format", "json")
    assert outcome.code == 0, outcome
    found = {node["name"]: node for node in json.loads(outcome.out)}
    assert set(found) == {"east", "west"}, "a node that offers no CPU, as heads do, measures nothing"
    assert found["east"]["busy"] is False
    assert [device["kind"] for device in found["east"]["facts"]["devices"]["fake"]] == ["cpu", "card", "card"]
    table = bench(tmp_path, "fleet", "status", "--address", nodes.address, "--backend", "onnxruntime", "--lang", "zh")
    assert "节点" in table.out
    assert "generic-x86-server" in table.out or "generic-arm-server" in table.out


@pytest.mark.full
def test_runs_come_back_and_verify_the_same_by_tasks(nodes: Nodes, plan: Path, tmp_path: Path) -> None:
    outcome = bench(tmp_path, "fleet", "run", plan, "--address", nodes.address, "--nodes", "east,west")
    assert outcome.code in (0, 11), outcome  # a busy machine may disturb the figures
    fleet = fleet_in(tmp_path / "results")
    assert [(run.node, run.outcome, run.trials) for run in fleet.runs] == [
        ("east", "complete", 2),
        ("west", "complete", 2),
    ]
    check_every_file(tmp_path / "results" / "runs")
    run = fleet.runs[0].run_id
    assert bench(tmp_path, "show", run).code == 0
    assert "run.zip" in bench(tmp_path, "pack", run, "-o", "run.zip").out  # not admissible, but an archive
    local = bench(tmp_path, "verify", "run.zip", "--unsigned", "--format", "json")
    spread = bench(
        tmp_path, "verify", "run.zip", "--unsigned", "--format", "json", "--fleet", "--address", nodes.address
    )
    assert local.out
    assert (spread.code, spread.out) == (local.code, local.out)


@pytest.mark.full
def test_a_node_that_dies_in_the_middle_is_told_and_the_other_goes_on(nodes: Nodes, plan: Path, tmp_path: Path) -> None:
    process = begun(tmp_path, plan, "--address", nodes.address, "--nodes", "east,west", "--share-host")
    wait_for(lambda: process.poll() is not None or "west cpu: measuring: [2/2]" in said(process))
    nodes.tell("kill west")
    outcome = finish(process)
    nodes.tell("add west")
    assert outcome.code == 11, outcome
    fleet = fleet_in(tmp_path / "results")
    east, west = fleet.runs
    assert (fleet.status, east.outcome, west.outcome) == ("partial", "complete", "lost")
    assert [lost.measurement for lost in fleet.lost] == ["user_model.offline.fp32"]
    folder = RunFolder.of(tmp_path / "results", west.run_id)
    assert len(folder.load_trials("user_model.single_stream.fp32")) == 1
    check_every_file(tmp_path / "results" / "runs")
    wait_for(lambda: not left_over(nodes))


@pytest.mark.full
def test_a_spare_takes_the_whole_plan_of_a_node_that_died(nodes: Nodes, plan: Path, tmp_path: Path) -> None:
    process = begun(tmp_path, plan, "--address", nodes.address, "--nodes", "west", "--spare")
    nodes.tell("kill west")
    outcome = finish(process)
    nodes.tell("add west")
    assert outcome.code in (0, 11), outcome
    lost, again = fleet_in(tmp_path / "results").runs
    assert (lost.outcome, again.node, again.outcome, again.repeats) == ("lost", "east", "complete", lost.run_id)


@pytest.mark.full
def test_two_plans_do_not_meet_on_a_node(nodes: Nodes, plan: Path, tmp_path: Path) -> None:
    process = begun(tmp_path, plan, "--address", nodes.address, "--nodes", "east")
    (tmp_path / "other").mkdir()
    refused = bench(
        tmp_path / "other", "fleet", "run", plan, "--address", nodes.address, "--nodes", "east", "--wait-s", 1
    )
    assert refused.code == 11, refused
    assert "held by other work" in refused.out + refused.err
    held = bench(tmp_path, "fleet", "status", "--address", nodes.address, "--backend", "fake", "--format", "json")
    assert process.poll() is not None or {node["name"]: node["busy"] for node in json.loads(held.out)}["east"]
    assert finish(process).code in (0, 11)


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_process_and_whole_files(
    nodes: Nodes, plan: Path, tmp_path: Path, number: signal.Signals
) -> None:
    process = begun(tmp_path, plan, "--address", nodes.address, "--nodes", "east,west", "--share-host")
    process.send_signal(number)
    outcome = finish(process)
    assert outcome.code == 13, outcome
    assert "Traceback" not in outcome.err
    assert left_over(nodes) == []
    check_every_file(tmp_path / "results" / "runs")


@pytest.mark.full
def test_a_head_that_is_killed_takes_all_that_measures_with_it(nodes: Nodes, plan: Path, tmp_path: Path) -> None:
    process = begun(tmp_path, plan, "--address", nodes.address, "--nodes", "east,west", "--share-host")
    assert left_over(nodes)
    process.kill()
    finish(process)
    wait_for(lambda: not left_over(nodes))
    check_every_file(tmp_path / "results" / "runs")


@pytest.mark.full
def test_an_embedded_cluster_ends_with_its_command_however_it_ends(plan: Path, tmp_path: Path) -> None:
    process = begun(tmp_path, plan)
    parent = psutil.Process(process.pid)
    started = parent.children(recursive=True)
    assert any("raylet" in child.name() for child in started)
    addresses = {
        connection.laddr.ip
        for child in started
        for connection in child.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    process.kill()
    finish(process)
    assert psutil.wait_procs(started, timeout=TOLERABLY_S)[1] == []


@pytest.mark.full
def test_a_slow_node_is_waited_for_and_one_that_hangs_is_lost(nodes: Nodes, plan: Path, tmp_path: Path) -> None:
    for patience_s, outcome in ((60, "complete"), (3, "lost")):
        folder = tmp_path / outcome
        folder.mkdir()
        process = begun(folder, plan, "--address", nodes.address, "--nodes", "east", "--patience-s", patience_s)
        agent = psutil.Process(left_over(nodes)[0].ppid())
        agent.suspend()
        time.sleep(5)
        with contextlib.suppress(psutil.NoSuchProcess):
            agent.resume()
        finish(process)
        assert [run.outcome for run in fleet_in(folder / "results").runs] == [outcome]
    wait_for(lambda: not left_over(nodes))


@pytest.mark.full
def test_full_object_stores_hinder_nothing(plan: Path, tmp_path: Path) -> None:
    cluster = Nodes(tmp_path)
    try:
        cluster.tell("add east")
        cluster.tell("fill")
        outcome = bench(tmp_path, "fleet", "run", plan, "--address", cluster.address, "--nodes", "east")
    finally:
        cluster.quit()
    assert outcome.code in (0, 11), outcome
    assert [(run.outcome, run.trials) for run in fleet_in(tmp_path / "results").runs] == [("complete", 2)]
    check_every_file(tmp_path / "results" / "runs")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--address", "127.0.0.1:1"), "nobody answers there"),
        (("--address", "nowhere"), "no address of a cluster"),
        (("--address", "ray://127.0.0.1:10001"), "no address of a cluster"),
        (("--nodes", ","), "names none"),
        (("--scale", "--nodes", "2"), "single_stream"),
        (("--per", "card"), "kind of place"),
    ],
)
def test_bad_input_is_one_line(plan: Path, bench_here: Command, flags: tuple[str, ...], words: str) -> None:
    outcome = bench_here("fleet", "run", plan, *flags)
    assert outcome.code == 2
    assert words in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert not Path("results").exists()


def test_a_plan_that_is_none(tmp_path: Path, bench_here: Command) -> None:
    (tmp_path / "bad.json").write_text('{"workloads": []}')
    assert bench_here("fleet", "run", tmp_path / "bad.json").code == 2
    assert bench_here("fleet", "run", tmp_path / "none.json").code == 2


def test_verify_takes_an_address_with_fleet_only(bench_here: Command) -> None:
    assert "goes with `--fleet`" in bench_here("verify", "x.zip", "--address", "127.0.0.1:1").err


def test_without_ray_it_says_what_to_install(plan: Path, bench_here: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    outcome = bench_here("fleet", "run", plan)
    assert outcome.code == 2
    assert "inference-bench[fleet]" in outcome.err


@pytest.fixture
def bench_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """`bench` in this process, in an empty folder."""
    from bench.cli.main import main

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> Outcome:
        capfd.readouterr()
        return Outcome(main([str(argument) for argument in arguments]), *capfd.readouterr())

    yield command
    for number, handler in before.items():
        signal.signal(number, handler)
