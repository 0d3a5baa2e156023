"""What is shown while a run goes on: the phase now, what is done, and how long it may still take.

On a terminal a line that is redrawn once a second, so that watching costs the measured machine next to nothing;
elsewhere one line per measurement.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from bench.records.record import Record
from bench.runner import Prepared, Progress
from bench.text.findings import finding_text

_LOG = logging.getLogger(__name__)


class Watcher:
    """Context manager; pass its `observe` to the runner. `folder` is known once the run has begun."""

    def __init__(self, prepared: Prepared | None, lang: str) -> None:
        self._lang = lang
        self.folder: Path | None = None
        self._console = Console(stderr=True)
        self._expected_s = prepared.estimate.measurements_s if prepared else ()
        self._begun = self._since = time.monotonic()
        self._estimated_done_s = 0.0
        self._latest: Progress | None = None
        live = self._console.is_terminal
        self._live = (
            Live(get_renderable=self._line, console=self._console, refresh_per_second=1, transient=True)
            if live
            else None
        )

    def __enter__(self) -> Watcher:
        if self._expected_s:
            count = len(self._expected_s)
            what = "1 measurement" if count == 1 else f"{count} measurements"
            self._say(f"{what}, about {_clock(sum(self._expected_s))} (a rough estimate).")
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def observe(self, progress: Progress) -> None:
        """Take in one event of the runner."""
        self.folder = progress.folder
        if progress.event == "record" and progress.record is not None:
            self._since = time.monotonic()
            self._estimated_done_s = sum(self._expected_s[: progress.position + 1])
            self._say(f"{self._where(progress)}: {_outcome(progress.record, self._lang)}")
        elif progress.event == "phase":
            name = progress.phase.name if progress.phase is not None else ""
            _LOG.info("%s, repetition %d: %s", self._where(progress), progress.repetition + 1, name)
            first = self._latest is None or self._where(self._latest) != self._where(progress)
            if self._live is None and first:
                self._say(f"{self._where(progress)} …")
            self._latest = progress

    def _say(self, line: str) -> None:
        # One line stays one line: nothing is wrapped where there is no terminal, and no bracket is taken for markup.
        self._console.print(Text(line), soft_wrap=True)

    def _line(self) -> Text:
        if self._latest is None or self._latest.phase is None:
            return Text("starting …")
        progress, phase = self._latest, self._latest.phase
        elapsed = time.monotonic() - self._begun
        repetition = f", repetition {progress.repetition + 1}" if progress.repetition else ""
        left = f", about {_clock(self._left_s(elapsed))} left" if self._expected_s else ""
        return Text(f"{self._where(progress)}{repetition}: {phase.name} · {_clock(elapsed)}{left}", overflow="ellipsis")

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
        return "done"
    told = [entry for entry in record.findings if entry.severity == "error"]
    if not told:
        told = [entry for entry in record.findings if entry.code == "budget-exhausted"]
    causes = " ".join(finding_text(lang, entry).seen for entry in told)
    state = "not valid" if record.status == "complete" else "partial"
    return f"{state}: {' '.join(causes.split())}" if causes else state


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
