"""What passes between the parent and the child that runs one repetition: a job in, events and a report out."""

from __future__ import annotations

from typing import Literal

import msgspec

from bench.records.effort import Effort
from bench.records.findings import Cause
from bench.records.host import Device, DeviceFacts, Facts, Noise
from bench.records.loadgen import LoadGenReport
from bench.records.plan import Measurement, Setting
from bench.records.preparation import Preparation
from bench.records.search import Search


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the child of one repetition needs; it reads nothing else."""

    measurement: Measurement
    backend: str
    device: str
    more_devices: tuple[str, ...] = ()
    effort: Effort
    seed: int
    quality: bool
    check_input_cache: bool = False
    # mode `certified`: inputs never seen before, and the challenge
    certify: bool = False
    # Open loop: a repetition at this rate. None: the job is the search for one; in a ramp, its pilot says the 100 %
    rate_per_s: float | None = None
    # file of arrival times, ns after t0, for the scenario `trace`
    trace: str | None = None
    # file that names the moment at which other machines start, too; None: as soon as it is warm
    gate: str | None = None
    # workloads that are driven together with this one, from one t0
    beside: tuple[Job, ...] = ()
    folder: str
    settings: dict[str, Setting] = {}
    model: str | None = None
    data: str | None = None
    preparation: Preparation | None = None
    task: str | None = None
    agreement: bool = False
    # mode `mlperf`: which of the two tests of LoadGen, each in a process of its own
    mlperf: Literal["performance", "accuracy"] | None = None
    # The seed comes when the engine has compiled, so that it cannot have prepared for what follows from it
    sealed: bool = False


class Compiled(msgspec.Struct, frozen=True, kw_only=True, tag="compiled"):
    """The engine of a sealed job is ready; the child waits for its `Seed`."""

    measurement: str


class Seed(msgspec.Struct, frozen=True, kw_only=True):
    """What the parent answers to `Compiled`: the seed that everything random of the repetition follows from."""

    seed: int


class Phase(msgspec.Struct, frozen=True, kw_only=True, tag="phase"):
    """The child begins a phase that should take about `expected_s`."""

    name: str
    expected_s: float = 0.0


class Failure(msgspec.Struct, frozen=True, kw_only=True, tag="failure"):
    """The child gives up: one line for people, and why where that is known. `usage`: the request was wrong.

    `no_room` is the system's error number where the trial's folder could not be written to: that is nothing of the
    engine's, and the run may go on from here when there is room.
    """

    message: str
    cause: Cause | None = None
    usage: bool = False
    no_room: int | None = None


Event = Phase | Failure | Compiled


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong with an engine: one line for people, and why where that is known."""

    words: str
    cause: Cause | None = None


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """Timed samples compared with their recomputation: how many, how many differ, and the largest relative error.

    `largest_error` is None where an output is not finite, which no number can say in JSON.
    """

    samples: int
    mismatched: int
    largest_error: float | None


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time of `samples` went that were answered end to end, summed over the sessions, in ns.

    `prepare_ns` decodes and resizes, `engine_ns` is the engine's, `answer_ns` reads the answer from its outputs.
    """

    samples: int
    prepare_ns: int
    engine_ns: int
    answer_ns: int


class Footage(msgspec.Struct, frozen=True, kw_only=True):
    """The clips that cameras played: how many, how many frames together, form, rate, SHA-256 of all packets.

    `decoder` says what decodes them, with `decoder_threads` threads for each camera.
    """

    clips: int
    frames: int
    width: int
    height: int
    key_every: int
    bits_per_s: int
    sha256: str
    decoder: str
    decoder_threads: int


class HandOver(msgspec.Struct, frozen=True, kw_only=True):
    """What it costs to hand a batch to a process of its own that does nothing with it, measured in this repetition."""

    calls: int
    p50_ns: int
    p99_ns: int


class RoundTrip(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to a served model and back when nothing is computed there, measured in this repetition."""

    calls: int
    p50_ns: int
    p99_ns: int


class Interpreter(msgspec.Struct, frozen=True, kw_only=True):
    """How Python ran while the clock did: its lock, how long a thread may keep it, and garbage collections.

    Collection is off while the clock runs; `collections` counts those that an engine made all the same,
    `engine_collections` those in the engine's own process by its own word (None without one).
    """

    gil: bool
    switch_interval_s: float
    collections: int
    engine_collections: int | None = None


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """The workload's network with weights changed by the nonce, asked of the same engine after the measurement.

    `seed` gives the changed weights and the inputs. Answers are held against a reference in double precision, which
    knows no engine, within `tolerance` (relative, per sample); `least_distance` is how far apart reference answers to
    two samples lie at least. `slower` is the lower end of the 95 % interval of its time over that of the measured
    network. `refused` says why there is nothing of that: the engine's words, or the reference's.
    """

    seed: int
    model_hash: str = ""
    samples: int = 0
    mismatched: int = 0
    largest_error: float | None = None
    tolerance: float | None = None
    least_distance: float | None = None
    slower: float | None = None
    refused: str | None = None
    refused_by: Literal["engine", "reference"] = "engine"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What the child leaves beside the timeline when a repetition went through.

    `device` and `facts` are those of the first device; workers are numbered device by device.
    """

    device: Device
    facts: Facts
    model_hash: str
    session_hash: str
    load_sha256: str
    t0_ns: int
    elapsed_ns: int
    rows: int
    # None where several workloads share the process: nobody can say whose it was
    cpu_s: float | None
    warmup_rows: int
    warmup_cut: int
    steady: bool | None
    cut_short: bool
    repeated_input_gain: float | None
    bad_samples: int
    verification: Verification
    noise: Noise
    # open loop: the rate that was driven, and how many sessions never came back
    rate_per_s: float | None = None
    lost_sessions: int = 0
    # concurrent workloads: how long their common schedule is, and the rates of the others
    schedule_s: float | None = None
    beside: dict[str, float] = {}
    more_devices: tuple[DeviceFacts, ...] = ()
    hand_over: HandOver | None = None
    round_trip: RoundTrip | None = None
    # precision int8: share of the file's convolutions and matrix products that are in int8
    int8_due: float | None = None
    # certified: lower end of the 95 % interval of time(inputs never seen) / time(loaded set)
    fresh_input_gain: float | None = None
    # certified: answers to the loaded set against a reference in double precision
    reference_check: Verification | None = None
    challenge: Challenge | None = None
    loadgen: LoadGenReport | None = None
    interpreter: Interpreter | None = None
    # timed region `end_to_end` only
    stages: Stages | None = None
    # cameras were watched
    footage: Footage | None = None
    # samples are recordings: how long those of the loaded set last on average
    mean_sample_s: float | None = None
    # of the calls that failed while it was measured the one that says most
    fault: Fault | None = None


class SearchReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the child of a search leaves: the search, and what it was done with."""

    device: Device
    facts: Facts
    model_hash: str
    session_hash: str
    search: Search
    more_devices: tuple[DeviceFacts, ...] = ()
