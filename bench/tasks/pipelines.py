"""From the bytes of a file to an engine's input, the same for every engine.

In the timed region `end_to_end` all of this is inside the clock. Encoding is the other way round and never timed: it
makes raw samples of prepared ones where a workload renders or synthesises its own.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.records.preparation import Preparation
from bench.tasks.classify import CLASSIFY, COMMAND
from bench.tasks.detect import DETECT
from bench.tasks.pictures import as_input, as_jpeg, load_picture, resized_picture
from bench.tasks.recognise import RECOGNISE
from bench.tasks.sounds import as_flac, load_sound
from bench.tasks.verify import VERIFY
from bench.tasks.video import Decoder, as_key_frame, enlarged, letterboxed

# A photograph is larger than what a network takes, and the answer to how much is ImageNet's: 469 by 387 on average.
_ENLARGED = 2
SAMPLES_PER_S = 16_000

Sample = Mapping[str, NDArray[np.generic]]


class Pipeline(Protocol):
    """From files to inputs for one task; `sample` holds an engine's inputs for one sample, without batch axis."""

    def prepare(self, data: bytes, sample: Sample) -> None:
        """Fill `sample` from a file's bytes. Raises ValueError or OSError for what is no such file."""


class MakesFiles(Pipeline, Protocol):
    """And back, for a workload that renders or synthesises its samples."""

    def encode(self, sample: Sample) -> bytes:
        """The file that such a sample comes in."""


class Pictures(msgspec.Struct, frozen=True):
    """JPEG files of pictures twice as high and wide as the input; prepared by decoding and resizing (bilinear)."""

    def encode(self, sample: Sample) -> bytes:
        (pixels,) = sample.values()
        return as_jpeg(pixels.astype(np.uint8), enlarged=_ENLARGED)

    def prepare(self, data: bytes, sample: Sample) -> None:
        (pixels,) = sample.values()
        pixels[:] = resized_picture(io.BytesIO(data), *pixels.shape[1:])


class KeyFrames(msgspec.Struct, frozen=True):
    """Single key frames of H.264, `height` pixels high and as wide as the input's form; fitted in when decoded."""

    height: int

    def encode(self, sample: Sample) -> bytes:
        (pixels,) = sample.values()
        return as_key_frame(enlarged(pixels.astype(np.uint8), self.height))

    def prepare(self, data: bytes, sample: Sample) -> None:
        (pixels,) = sample.values()
        letterboxed(Decoder().picture(data), pixels)


class Photographs(msgspec.Struct, frozen=True):
    """A user's picture files as they are, prepared as the user says."""

    preparation: Preparation

    def prepare(self, data: bytes, sample: Sample) -> None:
        (pixels,) = sample.values()
        height, width = pixels.shape[:2] if self.preparation.layout == "NHWC" else pixels.shape[1:]
        picture = load_picture(io.BytesIO(data), height, width, self.preparation)
        pixels[:] = as_input(picture[None], pixels.dtype.name, self.preparation)[0]


class Sounds(msgspec.Struct, frozen=True):
    """A user's sound files as they are, cut or filled to the input's length."""

    samples_per_s: int

    def prepare(self, data: bytes, sample: Sample) -> None:
        (wave,) = sample.values()
        wave[:] = load_sound(io.BytesIO(data), self.samples_per_s, len(wave), wave.dtype.name)


class Recordings(msgspec.Struct, frozen=True):
    """FLAC files of 16 bits at 16 kHz, one channel, as long as the input; nothing is lost in them."""

    def encode(self, sample: Sample) -> bytes:
        (wave,) = sample.values()
        return as_flac(wave, SAMPLES_PER_S)

    def prepare(self, data: bytes, sample: Sample) -> None:
        import soundfile

        (wave,) = sample.values()
        sound, rate = soundfile.read(io.BytesIO(data), dtype=wave.dtype.name)
        if sound.shape != wave.shape or rate != SAMPLES_PER_S:
            raise ValueError(
                f"a recording of shape {sound.shape} at {rate} Hz; expected {wave.shape} at {SAMPLES_PER_S}"
            )
        wave[:] = sound


class Utterances(msgspec.Struct, frozen=True):
    """FLAC files of 16 bits at 16 kHz, one channel, of any length up to the input's; the second input is the length."""

    def encode(self, sample: Sample) -> bytes:
        wave, length = sample.values()
        return as_flac(wave[: int(length)], SAMPLES_PER_S)

    def prepare(self, data: bytes, sample: Sample) -> None:
        import soundfile

        wave, length = sample.values()
        sound, rate = soundfile.read(io.BytesIO(data), dtype=wave.dtype.name)
        if sound.ndim != 1 or not 0 < len(sound) <= len(wave) or rate != SAMPLES_PER_S:
            raise ValueError(
                f"a recording of shape {sound.shape} at {rate} Hz; expected up to {wave.shape} at {SAMPLES_PER_S}"
            )
        wave[: len(sound)], wave[len(sound) :] = sound, 0
        length[...] = len(sound)


PIPELINES: dict[str, MakesFiles] = {
    CLASSIFY.name: Pictures(),
    COMMAND.name: Recordings(),
    VERIFY.name: Pictures(),
    DETECT.name: Pictures(),
    RECOGNISE.name: Utterances(),
}
