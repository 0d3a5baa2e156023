"""`bench.tasks.pipelines`: a file becomes the sample that it was made of, and outputs become answers."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from bench.records.preparation import Preparation
from bench.tasks import TASKS
from bench.tasks.pictures import load_picture, normalised
from bench.tasks.pipelines import PIPELINES, Photographs, Pictures, Pipeline, Recordings, Sounds, Utterances
from bench.tasks.sounds import load_sound


@pytest.mark.parametrize("length", [1, 400, 16_000])
def test_a_recording_comes_back_bit_by_bit(length: int) -> None:
    wave = np.random.default_rng(length).integers(-32768, 32768, length).astype(np.int16)
    data = Recordings().encode({"wave": wave})
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert (file.format, file.subtype, file.samplerate, file.channels) == ("FLAC", "PCM_16", 16_000, 1)
    back = np.full_like(wave, 77)
    Recordings().prepare(data, {"wave": back})
    assert (back == wave).all()


def test_a_float_input_gets_the_recording_on_the_scale_of_one() -> None:
    wave = np.array([-32768, 0, 16384], np.int16)
    back = np.empty(3, np.float32)
    Recordings().prepare(Recordings().encode({"wave": wave}), {"wave": back})
    assert back.tolist() == [-1.0, 0.0, 0.5]


@pytest.mark.parametrize(
    ("samples", "rate", "channels"), [(15_999, 16_000, 1), (16_000, 8_000, 1), (16_000, 16_000, 2)]
)
def test_a_recording_of_another_form_is_refused(samples: int, rate: int, channels: int) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros((samples, channels), np.int16), rate, format="FLAC")
    with pytest.raises(ValueError, match=f"at {rate} Hz; expected"):
        Recordings().prepare(file.getvalue(), {"wave": np.empty(16_000, np.int16)})


@pytest.mark.parametrize("length", [1, 400, 800])
def test_an_utterance_comes_back_with_its_length_and_silence_behind(length: int) -> None:
    wave = np.random.default_rng(length).integers(-32768, 32768, 800).astype(np.int16)
    data = Utterances().encode({"wave": wave, "length": np.int64(length)})
    assert len(soundfile.read(io.BytesIO(data))[0]) == length
    back, counted = np.full_like(wave, 77), np.zeros((2,), np.int64)
    Utterances().prepare(data, {"wave": back, "length": counted[1, ...]})
    assert counted.tolist() == [0, length]
    assert (back[:length] == wave[:length]).all()
    assert (back[length:] == 0).all()


@pytest.mark.parametrize(("samples", "rate", "channels"), [(801, 16_000, 1), (500, 8_000, 1), (500, 16_000, 2)])
def test_an_utterance_of_another_form_is_refused(samples: int, rate: int, channels: int) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros((samples, channels), np.int16), rate, format="FLAC")
    with pytest.raises(ValueError, match=f"at {rate} Hz; expected up to"):
        Utterances().prepare(file.getvalue(), {"wave": np.empty(800, np.int16), "length": np.zeros((), np.int64)})


def test_a_picture_comes_back_nearly() -> None:
    y, x = np.mgrid[0:64, 0:64]
    picture = np.stack([x * 3, y * 3, x + y]).astype(np.uint8)
    data = Pictures().encode({"image": picture})
    with Image.open(io.BytesIO(data)) as file:
        assert (file.format, file.size) == ("JPEG", (128, 128))
    back = np.empty_like(picture)
    Pictures().prepare(data, {"image": back})
    assert np.abs(back.astype(int) - picture).mean() < 4


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_photograph_is_prepared_as_without_the_clock(dtype: type) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    found = np.empty((3, 16, 16), dtype)
    Photographs(Preparation()).prepare(file.getvalue(), {"x": found})
    expected = load_picture(io.BytesIO(file.getvalue()), 16, 16)
    assert (found == (expected if dtype == np.uint8 else normalised(expected[None])[0])).all()


@pytest.mark.parametrize("pipeline", [Pictures(), Photographs(Preparation()), Recordings(), Sounds(16_000)])
@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff no picture", b"fLaC no sound"])
def test_what_is_no_such_file_is_an_error(pipeline: Pipeline, data: bytes) -> None:
    sample = {
        "x": np.empty(16, np.int16) if isinstance(pipeline, Recordings | Sounds) else np.empty((3, 8, 8), np.uint8)
    }
    with pytest.raises((OSError, ValueError, RuntimeError)):
        pipeline.prepare(data, sample)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("length", [300, 500, 900])
def test_a_users_sound_is_prepared_as_without_the_clock(dtype: type, length: int) -> None:
    wave = np.random.default_rng(length).integers(-9000, 9000, length).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, wave, 8_000, format="WAV")
    found = np.full(500, 7, dtype)
    Sounds(8_000).prepare(file.getvalue(), {"x": found})
    assert (found == load_sound(io.BytesIO(file.getvalue()), 8_000, 500, np.dtype(dtype).name)).all()


def test_pipelines_are_for_known_tasks() -> None:
    assert set(PIPELINES) <= set(TASKS)
