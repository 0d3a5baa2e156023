"""What comes back from nodes, kept as any run is: whole files only, each held against the hash it was sent with.

And where fleets themselves are kept: `results/fleets/<fleet_id>/fleet.json`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from bench.fleet.messages import Sent
from bench.fleet.seam import AgentFailed, Hand
from bench.records.fleet import Fleet
from bench.records.record import Run
from bench.records.versions import load
from bench.store.files import settle, write_record
from bench.store.journal import note
from bench.store.runs import RUN, TRIAL, RunFolder

FLEET = "fleet.json"


class Keeper:
    """The folder of one run on this machine, filled from a node."""

    def __init__(self, results: Path, run_id: str) -> None:
        self.folder = RunFolder.of(results, run_id)
        self.trials = 0
        self.received = 0

    def keep(self, hand: Hand, files: tuple[Sent, ...]) -> None:
        """Fetch files and keep them, in order. Raises NodeLost, AgentFailed, or OSError where there is no room here."""
        for sent in files:
            begun = self.begun
            self._fetch(hand, sent)
            self.trials += sent.path.endswith(f"/{TRIAL}")
            if sent.path == RUN and not begun:
                self._note("started")

    @property
    def begun(self) -> bool:
        """Whether anything of the run is here."""
        return (self.folder.path / RUN).exists()

    def end(self) -> None:
        """Note in the journal that the run ended by itself."""
        self._note("ended")

    def _note(self, event: Literal["started", "ended"]) -> None:
        note(self.folder.results, load(self.folder.path / RUN, Run), event)

    def _fetch(self, hand: Hand, sent: Sent) -> None:
        target = self.folder.path / sent.path
        target.parent.mkdir(parents=True, exist_ok=True)
        part, digest, there = target.with_name(f".{target.name}.part"), hashlib.sha256(), 0
        try:
            with open(part, "wb") as file:
                while there < sent.bytes:
                    piece: bytes = hand.ask("read", self.folder.path.name, sent.path, there)
                    if not piece:
                        break
                    file.write(piece)
                    digest.update(piece)
                    there += len(piece)
                    self.received += len(piece)
            if there != sent.bytes or digest.hexdigest() != sent.sha256:
                raise AgentFailed(f"{sent.path} came as {there} bytes of {sent.bytes}, or others than were sent")
            settle(part, target)
        finally:
            part.unlink(missing_ok=True)


def keep_fleet(results: Path, fleet: Fleet) -> Path:
    """Write a fleet's record, atomically; returns its file."""
    file = results / "fleets" / fleet.fleet_id / FLEET
    file.parent.mkdir(parents=True, exist_ok=True)
    write_record(file, fleet)
    return file


def load_fleet(file: Path) -> Fleet:
    """A kept fleet. Raises msgspec.DecodeError or OSError."""
    return msgspec.json.decode(file.read_bytes(), type=Fleet)
