"""Tester and system under test as two commands: `bench serve-sut` serves, `bench run --backend endpoint` measures."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from .kept import records_of
from .things import TIMEOUT_S, Outcome, Running, codes, complaint, finish, only_run, run, start

pytest.importorskip("tritonclient.http", reason="the extra `endpoint` is not installed")
pytest.importorskip("tritonclient.grpc", reason="the extra `endpoint` is not installed")


def addresses(server: Running) -> list[str]:
    """Where it listens, by HTTP and by gRPC: the last word of each line that it says."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        server.said[0].seek(0)
        lines = server.said[0].read().decode().splitlines()
        if len(lines) == 2:
            return [line.split()[-1] for line in lines]
        assert server.poll() is None, finish(server)
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def serving(folder: Path, model: Path, *flags: object) -> Iterator[tuple[Running, list[str]]]:
    """A served classifier; ended with the block."""
    server = start(folder, "serve-sut", "--model", model, "--port", 0, "--grpc-port", 0, *flags)
    try:
        yield server, addresses(server)
    finally:
        server.kill()
        server.wait()


def measured(folder: Path, model: Path, pictures: Path, *flags: object) -> Outcome:
    asked = ("run", "--model", model, "--data", pictures, "--scenario", "single_stream", "--format", "json")
    return run(folder, *asked, *flags)


@pytest.mark.parametrize("protocol", [0, 1])
def test_what_is_served_has_the_quality_that_it_has_in_process(
    model: Path, pictures: Path, tmp_path: Path, protocol: int
) -> None:
    here = measured(tmp_path, model, pictures, "--output", "here")
    assert here.code == 0, here
    with serving(tmp_path, model, "--batch", 4, "--workers", 2) as (_, found):
        flags = ("--backend", "endpoint", "--device", "server", "--setting", f"url={found[protocol]}")
        there = measured(tmp_path, model, pictures, *flags, "--output", "there")
    assert there.code == 0, there
    (alone,), (served,) = (records_of(only_run(tmp_path / name)) for name in ("here", "there"))
    assert alone.quality is not None
    assert served.quality is not None
    assert served.quality.value == alone.quality.value is not None
    assert served.facts is not None
    assert served.facts.engine == "bench serve-sut"
    assert served.valid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_it_is_told_to_and_leaves_nothing(model: Path, tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path, model) as (server, (http, grpc)):
        children = psutil.Process(server.pid).children(recursive=True)
        server.send_signal(number)
        outcome = finish(server)
    assert outcome.code == 0, outcome
    assert outcome.err == ""
    assert psutil.wait_procs(children, timeout=10)[1] == []
    for address in (http, grpc):
        with socket.socket() as plug:
            assert plug.connect_ex(("127.0.0.1", int(address.rsplit(":", 1)[1]))) != 0


def test_a_server_that_dies_in_the_middle_costs_the_run_its_number(model: Path, tmp_path: Path) -> None:
    with serving(tmp_path, model) as (server, (http, _)):
        flags = ("--backend", "endpoint", "--device", "server", "--setting", f"url={http}", "--output", "out")
        tester = start(tmp_path, "run", "--model", model, "--scenario", "single_stream", *flags, DURATION_S="5")
        while not list((tmp_path / "out").glob("runs/*/*/trial-00/job.json")):
            assert tester.poll() is None, finish(tester)
            time.sleep(0.01)
        time.sleep(1.0)
        server.kill()
        outcome = finish(tester)
    assert outcome.code not in {0, 13}
    assert "Traceback" not in outcome.err
    (record,) = only_run(tmp_path / "out").glob("*/record.json")
    assert codes(record) & {"repetition-failed", "queries-failed"}, codes(record)


def test_what_cannot_be_served_is_said_in_a_line(model: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        there = run(tmp_path, "serve-sut", "--model", model, "--port", port)
    assert there.code == 2
    assert f"Cannot listen at 127.0.0.1:{port}" in complaint(there)
    for flags, word in (
        (("--host", "0.0.0.0"), "BENCH_ENDPOINT_TOKEN"),
        (("--key", model), "--certificate"),
        (("--certificate", model, "--key", model), "cannot be used"),
        (("--workload", "nonesuch"), "nonesuch"),
        (("--device", "cpu:9"), "cpu:9"),
        (("--port", 70000), "65535"),
    ):
        asked = ("serve-sut", *flags) if "--workload" in flags else ("serve-sut", "--model", model, *flags)
        outcome = run(tmp_path, *asked)
        assert outcome.code == 2, (flags, outcome)
        assert word in outcome.err, (flags, outcome)
        assert "Traceback" not in outcome.err
