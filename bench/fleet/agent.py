"""What stands for the head on a node: it tells what the machine is, keeps others off it, and starts what measures.

A plain class; `bench.fleet.by_ray` makes an actor of it. Every method returns at once or within the time it is given,
for all are answered by one thread: the one whose end has the kernel end what it started.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter_ns

import msgspec
import psutil

from bench import __version__
from bench.fleet.messages import Ended, NodeJob, Placed
from bench.hardware.agreement import contradictions
from bench.hardware.files import BOOT_ID, Files
from bench.hardware.profiles import load_profile, profile_names
from bench.host.describing import quick_profile
from bench.host.engine_process import how_it_ended, kill_engine_process
from bench.host.inventory import inspect_host
from bench.host.probe import probe_backends
from bench.loadgen.gate import Opening, gate_file
from bench.records.fleet import NodeFacts
from bench.records.host import Device
from bench.records.plan import RunPlan
from bench.records.profile import Serials
from bench.store.files import locked, write_record
from bench.submission.environment import code_sha256

PIECE = 64 << 10
"""How much of a file goes in one answer: few enough bytes to travel in the answer itself, past any object store."""
MEASURING = (sys.executable, "-P", "-m", "bench.fleet.measuring")
_SCRATCH, _LOCK = "bench-fleet-", "bench-fleet-host"
_ENDS_S = 20.0


class Agent:
    """One node's; `measuring` is the command of the process that measures."""

    def __init__(self, measuring: Sequence[str] = MEASURING) -> None:
        self._measuring = tuple(measuring)
        self._held: int | None = None
        self._works: dict[str, _Work] = {}
        _sweep()

    def describe(self, backends: Sequence[str]) -> bytes:
        """`NodeFacts` as JSON; each backend is asked for devices in a process of its own."""
        probes = probe_backends(backends)
        devices = {probe.backend: probe.devices for probe in probes if probe.devices}
        facts = NodeFacts(
            suite_version=__version__,
            code_sha256=code_sha256(),
            ray_version=_ray_version(),
            host=inspect_host(),
            profile=msgspec.structs.replace(quick_profile(), serials=Serials()),
            profiles=_fitting(devices),
            boot_id=Files().text(BOOT_ID),
            devices=devices,
            unusable={probe.backend: probe.why for probe in probes if probe.why is not None},
        )
        return msgspec.json.encode(facts)

    def refusal(self, plan: bytes) -> str:
        """Why this node cannot carry out a plan, in one line; empty where it can."""
        from bench.runner import prepare

        try:
            prepare(msgspec.json.decode(plan, type=RunPlan))
        except (ValueError, OSError) as error:
            return str(error)
        return ""

    def clock(self) -> int:
        """The clock of timelines, in ns."""
        return perf_counter_ns()

    def claim(self) -> bool:
        """Keep this host from other fleets until the agent ends; False where one has it."""
        if self._held is None:
            handle = os.open(Path(tempfile.gettempdir()) / f"{_LOCK}-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)
            os.set_inheritable(handle, False)
            if not locked(handle):
                os.close(handle)
                return False
            self._held = handle
        return True

    def start(self, job: bytes) -> None:
        """Start to measure a `NodeJob`."""
        asked = msgspec.json.decode(job, type=NodeJob)
        self._works[asked.run_id] = _Work(asked, self._measuring)

    def poll(self, run_id: str, wait_s: float) -> bytes:
        """Messages since the last time, a JSON line each; waits for one at most `wait_s`."""
        return self._works[run_id].poll(wait_s)

    def read(self, run_id: str, path: str, offset: int) -> bytes:
        """At most `PIECE` bytes of a file of the run."""
        with open(self._works[run_id].run / path, "rb") as file:
            file.seek(offset)
            return file.read(PIECE)

    def go(self, run_id: str) -> None:
        """Everything was fetched; go on."""
        self._works[run_id].go()

    def open_gate(self, run_id: str, measurement: str, repetition: int, start_ns: int) -> None:
        """Name the moment, of this node's clock, at which a repetition starts."""
        self._works[run_id].open_gate(measurement, repetition, start_ns)

    def stop(self, run_id: str) -> None:
        """End what measures; its last message comes by `poll`."""
        self._works[run_id].stop()

    def forget(self, run_id: str) -> None:
        """End what is still there of a run, and remove its files from this node."""
        work = self._works.pop(run_id, None)
        if work is not None:
            work.clear()

    def close(self) -> None:
        """Leave nothing behind."""
        for run_id in list(self._works):
            self.forget(run_id)
        if self._held is not None:
            os.close(self._held)
            self._held = None


class _Work:
    """One measuring process and its folder."""

    def __init__(self, job: NodeJob, measuring: Sequence[str]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_SCRATCH}{os.getpid()}-"))
        self.run = self._folder / "results" / "runs" / job.run_id
        write_record(self._folder / "job.json", Placed(job=job, folder=str(self._folder)))
        self._events, writing = os.pipe()
        with open(self._folder / "log", "wb") as log:
            try:
                self._process = subprocess.Popen(
                    [*measuring, str(self._folder / "job.json"), str(writing), str(os.getpid())],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    pass_fds=(writing,),
                    start_new_session=True,
                    env=environment_at_start(),
                )
            finally:
                os.close(writing)
        self._pending, self._ended = b"", False

    def poll(self, wait_s: float) -> bytes:
        if self._ended or not select.select([self._events], [], [], wait_s)[0]:
            return b""
        received = os.read(self._events, PIECE)
        if not received:
            self._ended = True
            return self._last_words()
        lines, newline, self._pending = (self._pending + received).rpartition(b"\n")
        return lines + newline

    def _last_words(self) -> bytes:
        """What stands in for the end of a process that did not tell it; ignored after one that did."""
        try:
            code = self._process.wait(_ENDS_S)
        except subprocess.TimeoutExpired:
            self._kill()
            code = self._process.returncode
        told = (self._folder / "log").read_text(errors="replace").strip().splitlines()
        why = f"the measuring process {how_it_ended(code)}" + (f": {told[-1][:200]}" if told else "")
        return msgspec.json.encode(Ended(complete=False, why=why)) + b"\n"

    def go(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is gone; `poll` tells
            self._process.stdin.write(b"go\n")
            self._process.stdin.flush()

    def open_gate(self, measurement: str, repetition: int, start_ns: int) -> None:
        from bench.fleet.measuring import GATES

        write_record(gate_file(self._folder / GATES, measurement, repetition), Opening(start_ns=start_ns))

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def clear(self) -> None:
        if self._process.poll() is None:
            self.stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_ENDS_S)
        self._kill()
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        os.close(self._events)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill(self) -> None:
        kill_engine_process(self._process)
        self._process.wait()


def environment_at_start() -> dict[str, str]:
    """The environment that this process was started with: Ray hides cards and sets threads in its workers' later on."""
    try:
        entries = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return dict(os.environ)
    pairs = (entry.partition(b"=") for entry in entries if b"=" in entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def _sweep() -> None:
    """Remove folders of agents that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}[0-9]*"):
        number = folder.name.removeprefix(_SCRATCH).split("-")[0]
        if number.isdecimal() and not psutil.pid_exists(int(number)) and folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)


def _fitting(devices: Mapping[str, tuple[Device, ...]]) -> tuple[str, ...]:
    """Shipped profiles that this machine contradicts in nothing, and whose cards and engine are seen here."""
    here, found = quick_profile(), []
    cards = {card.model for card in here.accelerators}
    for name in profile_names():
        typed = load_profile(name)
        seen = {card.model for card in typed.accelerators} <= cards
        used = typed.use is None or typed.use.backend in devices
        if seen and used and not contradictions(typed, here):
            found.append(name)
    return tuple(found)


def _ray_version() -> str | None:
    try:
        return version("ray")
    except PackageNotFoundError:
        return None
