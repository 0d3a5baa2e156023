"""Builds the clips: `python -m bench.models.speech_command.synthesise --folder FOLDER` writes the shipped sets.

A clip is clean speech without leading or trailing silence; noise, room and level come later (`acoustics.py`).
Training speaks its own through the same functions.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.models.speech_command import commands, voices
from bench.models.speech_command.clips import FIELDS, INDEX_FILE
from bench.models.speech_command.espeak import SAMPLE_RATE, Synthesiser

SEED = 20_251
SHORTEST_S, LONGEST_S = 0.30, 0.90
# 10 bits: the quantisation noise lies 25 dB under the weakest noise added later, and FLAC needs half the bytes.
PEAK = 511
_ATTEMPTS = 24


@dataclass(frozen=True, slots=True)
class Clip:
    """One utterance: its class, how it was made, and int16 samples (n,) at 16 kHz."""

    label: int
    text: str
    voice: str
    rate: int
    pitch: int
    wave: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """What one set says: `per_command` clips of each command, `per_other` of each other word, spread over voices."""

    name: str
    stream: int
    voices: tuple[str, ...]
    others: tuple[str, ...]
    per_command: int
    per_other: int


SHIPPED: tuple[ClipPlan, ...] = (
    ClipPlan("evaluation", 1, voices.EVALUATION_VOICES, commands.EVALUATION_OTHERS, 10, 1),
    ClipPlan("timing", 2, voices.TIMING_VOICES, commands.TIMING_OTHERS, 1, 1),
    ClipPlan("calibration", 3, voices.CALIBRATION_VOICES, commands.CALIBRATION_OTHERS, 1, 1),
)


def training_plan(per_command: int, per_other: int) -> ClipPlan:
    """Return the plan of the training set."""
    return ClipPlan("training", 0, voices.TRAINING_VOICES, commands.TRAINING_OTHERS, per_command, per_other)


def make_clips(plan: ClipPlan, synthesiser: Synthesiser) -> Iterator[Clip]:
    """Speak the clips of `plan`.

    Texts, voices, rates and pitches repeat; some waveforms do not, for espeak-ng itself varies from process to process.
    """
    rng = np.random.default_rng([SEED, plan.stream])
    unknown = len(commands.COMMANDS)
    texts = [(label, text) for label, text in enumerate(commands.COMMANDS) for _ in range(plan.per_command)]
    texts += [(unknown, text) for text in plan.others for _ in range(plan.per_other)]
    order: list[str] = []
    for label, text in texts:
        if not order:  # every voice once before any speaks again
            order = [str(voice) for voice in rng.permutation(plan.voices)]
        yield _make_clip(label, text, order.pop(), rng, synthesiser)


def _make_clip(label: int, text: str, voice: str, rng: np.random.Generator, synthesiser: Synthesiser) -> Clip:
    """Speak with random rate and pitch until the utterance fits the window whole."""
    for _ in range(_ATTEMPTS):
        rate, pitch, pitch_range = (int(rng.integers(*bounds)) for bounds in ((190, 340), (25, 76), (30, 81)))
        wave = synthesiser.speak(text, voice, rate, pitch, pitch_range)
        if SHORTEST_S <= len(wave) / SAMPLE_RATE <= LONGEST_S:
            return Clip(label, text, voice, rate, pitch, np.rint(wave * PEAK).astype(np.int16))
    raise RuntimeError(f"{text} by {voice} lasts {len(wave) / SAMPLE_RATE:.2f} s at rate {rate}; at most {LONGEST_S}")


def write_clips(folder: Path, sets: Iterable[tuple[str, Iterable[Clip]]]) -> None:
    """Write one FLAC file per set of this name and the index of all clips."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(FIELDS)]
    for name, clips in sets:
        start, waves = 0, []
        for clip in clips:
            row = (name, start, len(clip.wave), clip.label, clip.text, clip.voice, clip.rate, clip.pitch)
            lines.append("\t".join(map(str, row)))
            waves.append(clip.wave)
            start += len(clip.wave)
        buffer = io.BytesIO()
        soundfile.write(
            buffer, np.concatenate(waves), SAMPLE_RATE, format="FLAC", subtype="PCM_16", compression_level=1.0
        )
        (folder / f"{name}.flac").write_bytes(buffer.getvalue())
    (folder / INDEX_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_shipped(folder: Path) -> None:
    """Speak and write the shipped sets."""
    synthesiser = Synthesiser()
    write_clips(folder, ((plan.name, make_clips(plan, synthesiser)) for plan in SHIPPED))


def main(description: str | None, write: Callable[[Path], None]) -> None:
    """Command line of what writes shipped sets into a folder."""
    parser = argparse.ArgumentParser(description=description)
    # No default: clips spoken again are other clips, and with them goes every published answer.
    parser.add_argument("--folder", type=Path, required=True, help="where the FLAC files and the index go")
    write(parser.parse_args().folder)


if __name__ == "__main__":
    main(__doc__, write_shipped)
