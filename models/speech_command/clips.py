"""The shipped clips as arrays: one FLAC file per set, and an index that says what is where.

Reads files only; what becomes of a clip is the business of `data.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLIP_FOLDER = Path(__file__).parent / "clips"
INDEX_FILE = "index.tsv"
FIELDS = ("set", "start", "samples", "label", "text", "voice", "rate", "pitch")


@dataclass(frozen=True, slots=True)
class ClipSet:
    """Clips of one set: int16 waves (n,) each, with label, text and voice."""

    waves: tuple[NDArray[np.int16], ...]
    labels: tuple[int, ...]
    texts: tuple[str, ...]
    voices: tuple[str, ...]

    def of_class(self, label: int) -> list[int]:
        """Return the positions of the clips of a class."""
        return [position for position, found in enumerate(self.labels) if found == label]


@cache
def load_clips(name: str, folder: Path = CLIP_FOLDER) -> ClipSet:
    """Read one shipped set ("evaluation", "timing", "calibration")."""
    import soundfile

    audio, _ = soundfile.read(folder / f"{name}.flac", dtype="int16")
    rows = [line.split("\t") for line in (folder / INDEX_FILE).read_text(encoding="utf-8").splitlines()[1:]]
    entries = [dict(zip(FIELDS, row, strict=True)) for row in rows if row[0] == name]
    spans = [(int(entry["start"]), int(entry["samples"])) for entry in entries]
    return ClipSet(
        waves=tuple(audio[start : start + length] for start, length in spans),
        labels=tuple(int(entry["label"]) for entry in entries),
        texts=tuple(entry["text"] for entry in entries),
        voices=tuple(entry["voice"] for entry in entries),
    )
