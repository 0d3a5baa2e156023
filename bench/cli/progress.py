"""What is shown while a run goes on: the phase now, what is done, and how long it may still take.

On a terminal a line that is redrawn once a second, so that watching costs the measured machine next to nothing;
elsewhere one line per measurement.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Self

from rich.text import Text

from bench.cli.redrawn import Redrawn
from bench.records.record import Record
from bench.runner import Prepared, Progress
from bench.text import name, sentence
from bench.text.findings import finding_text

_LOG = logging.getLogger(__name__)


class Watcher(Redrawn):
    """Context manager; pass its `observe` to the runner. `folder` is known once the run has begun."""

    def __init__(self, prepared: Prepared | None, lang: str) -> None:
        self._lang = lang
        self.folder: Path | None = None
        self._expected_s = prepared.estimate.measurements_s if prepared else ()
        self._begun = self._since = time.monotonic()
        self._estimated_done_s = 0.0
        self._latest: Progress | None = None
        super().__init__(self._line)

    def __enter__(self) -> Self:
        if self._expected_s:
            count = len(self._expected_s)
            key = "progress.estimate_one" if count == 1 else "progress.estimate"
            self._say(sentence(self._lang, key, count=count, time=self._clock(sum(self._expected_s))))
        return super().__enter__()

    def observe(self, progress: Progress) -> None:
        """Take in one event of the runner."""
        self.folder = progress.folder
        if progress.event == "record" and progress.record is not None:
            self._since = time.monotonic()
            self._estimated_done_s = sum(self._expected_s[: progress.position + 1])
            self._say(f"{self._where(progress)}: {_outcome(progress.record, self._lang)}")
        elif progress.event == "phase":
            before, self._latest = self._latest, progress
            if not self.live and (before is None or self._where(before) != self._where(progress)):
                self._say(f"{self._where(progress)} …")
            if before is None or _phase(before) != _phase(progress):
                _LOG.info("%s, repetition %d: %s", self._where(progress), progress.repetition + 1, _phase(progress)[2])

    def _say(self, line: str) -> None:
        # One line stays one line: nothing is wrapped where there is no terminal, and no bracket is taken for markup.
        self._console.print(Text(line), soft_wrap=True)

    def _line(self) -> Text:
        if self._latest is None or self._latest.phase is None:
            return Text(sentence(self._lang, "progress.starting"))
        progress, elapsed = self._latest, time.monotonic() - self._begun
        words = [f"{self._where(progress)}: {name(self._lang, 'phase', self._latest.phase.name)}"]
        if progress.repetition:
            words.append(sentence(self._lang, "progress.repetition", number=progress.repetition + 1))
        words.append(self._clock(elapsed))
        if self._expected_s:
            words.append(sentence(self._lang, "progress.left", time=self._clock(self._left_s(elapsed))))
        return Text(" · ".join(words), overflow="ellipsis")

    def _clock(self, seconds: float) -> str:
        minutes, rest = divmod(round(seconds), 60)
        key = "progress.minutes" if minutes else "progress.seconds"
        return sentence(self._lang, key, **({"minutes": minutes} if minutes else {}), seconds=rest)

    def _left_s(self, elapsed: float) -> float:
        """The estimate, scaled by how wrong it was for what is done."""
        left = sum(self._expected_s) - self._estimated_done_s
        done_after = self._since - self._begun
        scale = done_after / self._estimated_done_s if self._estimated_done_s else 1.0
        return max(1.0, left * scale - (elapsed - done_after))

    def _where(self, progress: Progress) -> str:
        measurements = progress.run.measurements
        return f"[{progress.position + 1}/{len(measurements)}] {measurements[progress.position].name}"


def _outcome(record: Record, lang: str) -> str:
    """One line: done, or what makes the number void, or what is missing."""
    if record.valid:
        return sentence(lang, "progress.done")
    told = [entry for entry in record.findings if entry.severity == "error"]
    if not told:
        told = [entry for entry in record.findings if entry.code == "budget-exhausted"]
    causes = " ".join(finding_text(lang, entry).seen for entry in told)
    state = sentence(lang, "progress.not_valid" if record.status == "complete" else "progress.partial")
    return f"{state}: {' '.join(causes.split())}" if causes else state


def _phase(progress: Progress) -> tuple[int, int, str]:
    return progress.position, progress.repetition, progress.phase.name if progress.phase is not None else ""
