"""Clocks, shares of a load, common starts, and what nodes may send: each by itself, against what it must come to."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.fleet.agent import Agent
from bench.fleet.clocks import offset_at, read_clock
from bench.fleet.gates import LEAD_NS, Gates
from bench.fleet.keeping import Keeper
from bench.fleet.messages import Ended, Files, Sent, decoded
from bench.fleet.seam import AgentFailed
from bench.fleet.shares import share_of
from bench.loadgen.arrivals import poisson_ns
from bench.records.fleet import Clock, NodeFacts
from bench.records.hashing import derive_seed
from bench.records.plan import RunPlan

NODES, RATE, COUNT = 4, 1000.0, 5000
SERVER = RunPlan(workloads=("speech_command",), scenarios=("server",), rate_per_s=RATE, seed=11)


@given(
    skew=st.integers(-(10**15), 10**15),
    ways=st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=1, max_size=20),
)
def test_the_true_offset_lies_within_the_bound_however_unequal_the_ways(skew: int, ways: list[tuple[int, int]]) -> None:
    moments = iter(ways)
    time = {"now": 0}

    def ask() -> int:
        there, back = next(moments)
        time["now"] += there
        read = time["now"] + skew
        time["now"] += back
        return read

    clock = read_clock(ask, lambda: time["now"], rounds=len(ways))
    assert abs(clock.offset_ns - skew) <= clock.error_ns
    assert clock.error_ns == min((there + back + 1) // 2 for there, back in ways)


def test_between_two_readings_a_steady_drift_is_followed() -> None:
    first, last = (
        Clock(at_ns=at, offset_ns=50 + at // 10, error_ns=error, rounds=1) for at, error in ((0, 3), (1000, 5))
    )
    assert offset_at((first, last), 50 + 500 + 50) == (100, 5)
    assert offset_at((first,), 10**9) == (50, 3)
    assert offset_at((first, last), 10**9) == (150, 5)
    with pytest.raises(ValueError, match="never read"):
        offset_at((), 0)


def arrivals(place: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    plan = share_of(SERVER, place, NODES)
    assert plan.rate_per_s is not None
    return poisson_ns(COUNT, plan.rate_per_s, derive_seed(plan.seed, "arrivals"))


def test_the_streams_of_all_nodes_are_together_the_poisson_stream_of_the_plan() -> None:
    own = [arrivals(place) for place in range(NODES)]
    merged = np.sort(np.concatenate(own)) / 1e9
    assert len(merged) / merged[-1] == pytest.approx(RATE, rel=1e-9)
    # Given their number, arrivals of a Poisson process are uniform; and gaps are exponential with the whole rate.
    assert stats.kstest(merged[:-NODES] / merged[-1], "uniform").pvalue > 0.01
    assert stats.kstest(np.diff(merged), "expon", args=(0, 1 / RATE)).pvalue > 0.01
    # In disjoint intervals counts are Poisson: variance equals mean.
    counts = np.histogram(merged, bins=1000, range=(0, merged[-1]))[0]
    dispersion = (len(counts) - 1) * counts.var(ddof=1) / counts.mean()
    assert 0.005 < stats.chi2.sf(dispersion, len(counts) - 1) < 0.995


def test_streams_of_nodes_are_independent_and_reproducible() -> None:
    own = [arrivals(place) for place in range(NODES)]
    for one, other in itertools.combinations(own, 2):
        bins = [np.histogram(times, bins=500, range=(0, int(one[-1])))[0] for times in (one, other)]
        assert stats.spearmanr(*bins).pvalue > 0.001
    assert all(np.array_equal(arrivals(place), own[place]) for place in range(NODES))


def test_which_node_a_query_falls_to_is_a_fair_draw() -> None:
    owner = np.concatenate([np.full(COUNT, place) for place in range(NODES)])
    order = np.argsort(np.concatenate([arrivals(place) for place in range(NODES)]), kind="stable")
    pairs = np.zeros((NODES, NODES))
    np.add.at(pairs, (owner[order][:-1], owner[order][1:]), 1)
    assert stats.chi2_contingency(pairs).pvalue > 0.001, "the next query's node must not depend on this one's"


def test_a_share_keeps_what_a_run_may_hold() -> None:
    nonce = "ab" * 32
    given_nonce = share_of(RunPlan(workloads=("speech_command",), nonce=nonce, mode="certified"), 1, 2)
    assert given_nonce.nonce not in (None, nonce)
    assert given_nonce.seed == 0
    drawn = share_of(RunPlan(workloads=("speech_command",), mode="certified"), 1, 2)
    assert (drawn.nonce, drawn.seed) == (None, 0)
    by_name = RunPlan(workloads=("speech_command",), scenarios=("server",), rates={"speech_command": 90.0})
    assert share_of(by_name, 0, 3).rates == {"speech_command": 30.0}


def test_a_start_is_named_once_all_who_may_take_part_wait_for_it() -> None:
    gates = Gates(range(3), lambda: 1000)
    gates.arrive(0, (0, 0))
    gates.arrive(1, (0, 0))
    assert gates.moment((0, 0)) is None
    gates.arrive(2, (0, 0))
    assert gates.moment((0, 0)) == 1000 + LEAD_NS == gates.moment((0, 0))
    assert gates.by_all((0, 0))


def test_a_node_that_needs_no_further_repetition_holds_nobody_up() -> None:
    gates = Gates(range(3), lambda: 0)
    gates.arrive(0, (0, 5))
    gates.arrive(1, (1, 0))
    assert gates.moment((0, 5)) is None, "the third may still come"
    gates.leave(2)
    assert gates.moment((0, 5)) is not None
    assert not gates.by_all((0, 5))
    assert gates.moment((1, 0)) is None, "the first is on its way there"


@pytest.mark.parametrize("path", ["../run.json", "/etc/passwd", "a/../../b", ".hidden", "", "a//b\n", "a/.b"])
def test_no_node_writes_outside_its_run(path: str) -> None:
    message = {"type": "files", "files": [{"path": path, "bytes": 1, "sha256": "0"}]}
    with pytest.raises(msgspec.DecodeError):
        decoded(msgspec.json.encode(message))


def test_messages_come_back_as_they_were_sent() -> None:
    for message in (Ended(complete=False, why="x"), Files(files=(Sent(path="a/b.json", bytes=3, sha256="f"),))):
        assert decoded(msgspec.json.encode(message)) == message
    with pytest.raises(msgspec.DecodeError):
        decoded(b'{"type": "other"}')


class Liar:
    """Sends other bytes than it told, or too few."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def ask(self, method: str, *arguments: object) -> bytes:
        offset = arguments[2]
        assert isinstance(offset, int)
        return self._content[offset : offset + 2]

    def release(self) -> None:
        return


@pytest.mark.parametrize("content", [b"12", b"9999", b""])
def test_a_file_that_is_not_what_was_announced_is_not_kept(tmp_path: Path, content: bytes) -> None:
    keeper = Keeper(tmp_path, "run")
    sent = Sent(path="a/trial.json", bytes=4, sha256="03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4")
    with pytest.raises(AgentFailed, match=r"a/trial\.json"):
        keeper.keep(Liar(content), (sent,))
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []
    keeper.keep(Liar(b"1234"), (sent,))
    assert (keeper.folder.path / "a" / "trial.json").read_bytes() == b"1234"
    assert keeper.trials == 1


def test_an_agent_tells_what_this_machine_is_and_whose_host_it_shares() -> None:
    agents = Agent(), Agent()
    one, other = (msgspec.json.decode(agent.describe(("fake",)), type=NodeFacts) for agent in agents)
    assert one == other
    assert len(one.devices["fake"]) == 3
    boot = Path("/proc/sys/kernel/random/boot_id")
    assert one.boot_id == (boot.read_text().strip() if boot.exists() else None)
    assert one.profile.serials.system is None
    assert not [name for name in one.profiles if name.startswith("nvidia") and not one.profile.accelerators]


def test_a_host_is_claimed_by_one_agent_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, second = Agent(), Agent()
    assert first.claim()
    assert first.claim()
    assert not second.claim()
    first.close()
    assert second.claim()
    second.close()


def test_folders_of_killed_agents_are_swept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ours, gone, others = (tmp_path / f"bench-fleet-{name}" for name in (f"{os.getpid()}-a", "4194999-b", "notes"))
    for folder in (ours, gone, others):
        folder.mkdir()
    Agent()
    assert [folder.exists() for folder in (ours, gone, others)] == [True, False, True]
