"""`--preprocess`: files become inputs as the user says, against the same by hand; what does not fit is one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from onnx import TensorProto
from PIL import Image

from bench.models.user_model import BadModel, UserWorkload
from bench.records.preparation import Preparation
from bench.records.untrusted import BadFile, read_toml

from ..fixtures import tiny_onnx

FLOAT, UINT8, INT16 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT16
ALL = np.arange(5)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """One picture of noise for each of five classes, 40 high and 30 wide."""
    rng = np.random.default_rng(0)
    for label in "abcde":
        (tmp_path / "data" / label).mkdir(parents=True)
        pixels = rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / label / "0.png")
    return tmp_path / "data"


def write_sounds(folder: Path, rate: int = 8000, channels: int = 1, length: int = 100) -> Path:
    rng = np.random.default_rng(0)
    for label in "abcde":
        (folder / label).mkdir(parents=True)
        wave = rng.integers(-20_000, 20_000, (length, channels), dtype=np.int16)
        soundfile.write(folder / label / "0.wav", wave, rate)
    return folder


def by_hand(
    folder: Path, preparation: Preparation, size: tuple[int, int], top_left: tuple[int, int]
) -> NDArray[np.uint8]:
    """Pictures (5, 8, 8, channels), resized to `size` (height, width) and cut at `top_left`."""
    result = []
    for file in sorted(folder.glob("*/*.png")):
        with Image.open(file) as picture:
            kind = Image.Resampling[preparation.interpolation.upper()]
            resized = np.asarray(
                picture.convert("L" if preparation.channels == "L" else "RGB").resize(size[::-1], kind)
            )
        top, left = top_left
        result.append(np.atleast_3d(resized)[top : top + 8, left : left + 8])
    return np.stack(result)


@pytest.mark.parametrize(
    ("preparation", "size", "top_left"),
    [
        (Preparation(), (12, 9), (2, 0)),
        (Preparation(resize=15), (20, 15), (6, 3)),
        (Preparation(resize=(8, 8)), (8, 8), (0, 0)),
        (Preparation(resize=(10, 16), crop=8, interpolation="bicubic"), (10, 16), (1, 4)),
        (Preparation(resize=9, crop=(8, 8), interpolation="nearest"), (12, 9), (2, 0)),
    ],
)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("channels", ["RGB", "BGR", "L"])
def test_pictures_are_resized_cut_and_laid_out(
    tmp_path: Path, pictures: Path, preparation: Preparation, size: tuple[int, int], top_left: tuple[int, int],
    layout: str, channels: str,
) -> None:  # fmt: skip
    asked = Preparation(
        resize=preparation.resize,
        crop=preparation.crop,
        interpolation=preparation.interpolation,
        layout=layout,  # type: ignore[arg-type]
        channels=channels,  # type: ignore[arg-type]
    )
    shape = (8, 8, asked.count) if layout == "NHWC" else (asked.count, 8, 8)
    workload = UserWorkload(tiny_onnx(tmp_path / "m.onnx", UINT8, shape), pictures, asked)
    expected = by_hand(pictures, asked, size, top_left)
    expected = expected[..., ::-1] if channels == "BGR" else expected
    expected = expected if layout == "NHWC" else expected.transpose(0, 3, 1, 2)
    found = workload.evaluation_inputs(ALL)["x"]
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    assert (found == expected).all()
    timed = workload.load_inputs(12, 3)["x"]
    assert timed.shape == (12, *shape)
    assert not {sample.tobytes() for sample in timed} & {sample.tobytes() for sample in found}


@pytest.mark.parametrize(
    ("text", "scale", "mean", "std"),
    [
        ("", 1 / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ("scale = 1\nmean = [123.68, 116.78, 103.94]", 1, [123.68, 116.78, 103.94], [1, 1, 1]),
        ("mean = [0.5]\nstd = [0.25]", 1 / 255, [0.5] * 3, [0.25] * 3),
        ("scale = 0.0078125\nmean = [1.0]", 1 / 128, [1] * 3, [1] * 3),
        ('channels = "BGR"', 1 / 255, [0.406, 0.456, 0.485], [0.225, 0.224, 0.229]),
        ('channels = "BGR"\nmean = [0.1, 0.2, 0.3]', 1 / 255, [0.1, 0.2, 0.3], [1, 1, 1]),
    ],
)
def test_values_are_scaled_channel_by_channel(
    tmp_path: Path, pictures: Path, text: str, scale: float, mean: list[float], std: list[float]
) -> None:
    (tmp_path / "p.toml").write_text(text)
    preparation = read_toml(tmp_path / "p.toml", Preparation)
    found = UserWorkload(tiny_onnx(tmp_path / "m.onnx", FLOAT), pictures, preparation).evaluation_inputs(ALL)["x"]
    raw = by_hand(pictures, preparation, (12, 9), (2, 0)).astype(np.float64)
    raw = raw[..., ::-1] if preparation.channels == "BGR" else raw
    expected = ((raw * scale - mean) / std).transpose(0, 3, 1, 2)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_grey_pictures_are_on_the_zero_to_one_scale(tmp_path: Path, pictures: Path) -> None:
    preparation = Preparation(channels="L")
    found = UserWorkload(tiny_onnx(tmp_path / "m.onnx", FLOAT, (1, 8, 8)), pictures, preparation).evaluation_inputs(ALL)
    expected = by_hand(pictures, preparation, (12, 9), (2, 0)).transpose(0, 3, 1, 2) / 255
    assert found["x"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("preparation", "dtype", "shape", "words"),
    [
        (Preparation(layout="NHWC"), FLOAT, (3, 8, 8), "(height, width, 3); this one has {'x': (3, 8, 8)}"),
        (Preparation(channels="L"), FLOAT, (3, 8, 8), "(1, height, width)"),
        (Preparation(mean=(0.5,)), UINT8, (3, 8, 8), "uint8, which no scale, mean or std goes with"),
        (Preparation(crop=7), FLOAT, (3, 8, 8), "`crop` is 7, and the model takes 8 × 8."),
        (Preparation(resize=7), FLOAT, (3, 8, 8), "`resize` is 7, which is smaller than the 8 × 8"),
        (Preparation(resize=(8, 7)), FLOAT, (3, 8, 8), "smaller than the 8 × 8"),
        (Preparation(), INT16, (3, 8, 8), "uint8 or float32 picture input; this one is int16"),
        (Preparation(sample_rate=8000), FLOAT, (3, 8, 8), "no sounds found"),
    ],
)
def test_what_does_not_fit_the_model(
    tmp_path: Path, pictures: Path, preparation: Preparation, dtype: int, shape: tuple[int, ...], words: str
) -> None:
    with pytest.raises(BadModel) as caught:
        UserWorkload(tiny_onnx(tmp_path / "m.onnx", dtype, shape), pictures, preparation)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("meen = [0.5]", "unknown field `meen`. Did you mean `mean`?"),
        ("xyzzy = 1", "unknown field `xyzzy`. Known: channels, crop,"),
        ('layout = "NWHC"', "Invalid enum value 'NWHC'"),
        ("resize = 0", "`resize` is 0; its sides must lie between 1 and 65536"),
        ("resize = [1, 2, 3]", "`$.resize`"),
        ("resize = 1.5", "`$.resize`"),
        ("mean = [0.5, 0.5]", "`mean` has 2 values, and RGB has 3 channels"),
        ("std = [1.0, 0.0, 1.0]", "`std` is [1.0, 0.0, 1.0]; its values must be positive"),
        ("mean = [nan]", "not a finite number"),
        ("scale = -1.0", "`scale` is -1.0"),
        ("sample_rate = 0", "`sample_rate` is 0"),
        ("sample_rate = 8000\nmean = [0.5]", "`sample_rate` is for sounds, and mean for pictures"),
        ("mean = [0.5", "not usable as TOML"),
    ],
)
def test_wrong_words(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(BadFile) as caught:
        read_toml(tmp_path / "p.toml", Preparation)
    assert words in str(caught.value)
    assert "p.toml: " in str(caught.value)


# --------------------------------------------------------------------------------------------------------- sounds


@pytest.mark.parametrize("dtype", [FLOAT, INT16])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("samples", [60, 100, 150])
def test_sounds_are_mixed_cut_and_filled(tmp_path: Path, dtype: int, channels: int, samples: int) -> None:
    folder = write_sounds(tmp_path / "data", channels=channels)
    workload = UserWorkload(tiny_onnx(tmp_path / "m.onnx", dtype, (samples,)), folder, Preparation(sample_rate=8000))
    found = workload.evaluation_inputs(ALL)["x"]
    expected = np.zeros((5, samples))
    for row, file in zip(expected, sorted(folder.glob("*/*.wav")), strict=True):
        wave = soundfile.read(file, dtype="int16", always_2d=True)[0].astype(np.float64).mean(axis=1)[:samples]
        row[: len(wave)] = wave
    scale, error = (1.0, 0.5) if dtype == INT16 else (32768.0, 1e-2)
    assert found.astype(np.float64) * scale == pytest.approx(expected, abs=error)
    timed = workload.load_inputs(10, 1)["x"]
    assert (timed.shape, timed.dtype) == ((10, samples), found.dtype)
    assert not {sample.tobytes() for sample in timed} & {sample.tobytes() for sample in found}
    assert (timed == workload.load_inputs(10, 1)["x"]).all()


@pytest.mark.parametrize("how", ["rate", "empty", "words", "silent"])
def test_sounds_that_cannot_be_used_are_named(tmp_path: Path, how: str) -> None:
    folder = write_sounds(tmp_path / "data")
    bad = folder / "c" / "0.wav"
    if how == "rate":
        soundfile.write(bad, np.zeros(100), 16_000)
    elif how == "silent":
        soundfile.write(bad, np.zeros(0), 8000)
    else:
        bad.write_bytes(b"" if how == "empty" else b"words")
    workload = UserWorkload(tiny_onnx(tmp_path / "m.onnx", FLOAT, (60,)), folder, Preparation(sample_rate=8000))
    with pytest.raises(BadModel, match=r"c/0\.wav: the sound cannot be used: ") as caught:
        workload.evaluation_inputs(ALL)
    assert "\n" not in str(caught.value)
    if how == "rate":
        assert "it has 16000 samples per second, and `sample_rate` is 8000; convert it" in str(caught.value)


@pytest.mark.parametrize(("dtype", "shape"), [(FLOAT, (1, 60)), (UINT8, (60,))])
def test_models_that_take_no_sounds(tmp_path: Path, dtype: int, shape: tuple[int, ...]) -> None:
    folder = write_sounds(tmp_path / "data")
    with pytest.raises(BadModel, match=r"one input \(samples,\) of int16 or float32"):
        UserWorkload(tiny_onnx(tmp_path / "m.onnx", dtype, shape), folder, Preparation(sample_rate=8000))
