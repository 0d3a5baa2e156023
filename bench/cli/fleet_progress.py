"""All nodes in one table while a fleet measures; without a terminal, a line for each change of state."""

from __future__ import annotations

import threading

from rich.table import Table
from rich.text import Text

from bench.cli.redrawn import Redrawn
from bench.fleet.head import Row
from bench.report.fleet import doing, fleet_table
from bench.text import figures, printable, sentence


class FleetWatcher(Redrawn):
    """Context manager; pass its `observe` to `run_fleet`, which calls it from several threads."""

    def __init__(self, lang: str) -> None:
        self._lang, self._lock = lang, threading.Lock()
        self._rows: dict[tuple[int, str, str], Row] = {}
        super().__init__(self._table)

    def observe(self, row: Row) -> None:
        """Take in what a place does now."""
        with self._lock:
            place = (row.stage, row.node, row.device)
            before, self._rows[place] = self._rows.get(place), row
        if not self.live and _changed(before, row):
            self._console.print(Text(f"{row.node} {row.device}: {self._words(row)}"), soft_wrap=True)

    def _table(self) -> Table:
        shown = fleet_table(self._lang, "node", "state", "doing", "repetitions", "received")
        with self._lock:
            rows = list(self._rows.values())
        for row in rows:
            cells = (
                f"{row.node} {row.device}",
                sentence(self._lang, f"fleet.state_{row.state}"),
                self._doing(row) or row.why,
                str(row.trials),
                figures.size(row.received),
            )
            shown.add_row(*(Text(printable(cell)) for cell in cells))
        return shown

    def _words(self, row: Row) -> str:
        state = sentence(self._lang, f"fleet.state_{row.state}")
        more = self._doing(row) or row.why
        return printable(f"{state}: {more}" if more else state)

    def _doing(self, row: Row) -> str:
        at = row.at
        if at is None:
            return ""
        return doing(self._lang, at.position, at.total, at.measurement, at.repetition, at.phase)


def _changed(before: Row | None, row: Row) -> bool:
    """Whether a line is worth it: another state, measurement or repetition; not every phase."""
    if before is None or before.state != row.state:
        return True
    return row.at is not None and _spot(before) != _spot(row)


def _spot(row: Row) -> tuple[int, int] | None:
    return (row.at.position, row.at.repetition) if row.at is not None else None
