"""What the child of a repetition tells its parent while it works."""

from __future__ import annotations

from typing import IO

import msgspec

from bench.records.job import Compiled, Event, Job, Phase, Seed


class Reporter:
    """Writes events, one JSON line each, for the parent."""

    def __init__(self, stream: IO[bytes], seeds: IO[bytes] | None = None) -> None:
        """`seeds` is where the parent answers; None where no job is sealed."""
        self._stream, self._seeds = stream, seeds

    def send(self, event: Event) -> None:
        self._stream.write(msgspec.json.encode(event) + b"\n")
        self._stream.flush()

    def phase(self, name: str, expected_s: float = 0.0) -> None:
        self.send(Phase(name=name, expected_s=expected_s))

    def unsealed(self, job: Job) -> Job:
        """The job with its seed, which a sealed one gets now, after its engine has compiled, and not before."""
        if not job.sealed or self._seeds is None:
            return job
        self.send(Compiled(measurement=job.measurement.name))
        answer = msgspec.json.decode(self._seeds.readline(), type=Seed)
        return msgspec.structs.replace(job, seed=answer.seed, sealed=False)
