"""`python -m bench.models.measure_pictures`: slopes and entropies of pictures made to have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.models.measure_pictures import difference_entropy, figures, main, spectral_slope


def coloured_noise(exponent: float, side: int = 224, seed: int = 0) -> np.ndarray:
    """Noise whose power falls with frequency as f^exponent."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :])
    frequency[0, 0] = np.inf
    white = np.fft.fft2(np.random.default_rng(seed).standard_normal((side, side)))
    made = np.fft.ifft2(white * frequency ** (exponent / 2)).real
    return (made - made.min()) / (made.max() - made.min()) * 255


@pytest.mark.parametrize("exponent", [0.0, -1.0, -2.0, -3.0])
@pytest.mark.parametrize("side", [112, 224])
def test_noise_has_the_slope_it_was_made_with(exponent: float, side: int) -> None:
    assert spectral_slope(coloured_noise(exponent, side)) == pytest.approx(exponent, abs=0.15)


def test_one_colour_has_no_slope() -> None:
    assert np.isnan(spectral_slope(np.full((32, 32), 7.0)))


def test_entropy_of_differences() -> None:
    assert difference_entropy(np.zeros((4, 9), np.int64)) == 0.0
    assert difference_entropy(np.tile(np.arange(9), (4, 1))) == 0.0
    fair = np.cumsum(np.random.default_rng(0).integers(0, 4, (1, 400_001)), axis=1)
    assert difference_entropy(fair) == pytest.approx(2.0, abs=1e-3)


def test_what_is_smooth_compresses() -> None:
    smooth, rough = (np.broadcast_to(coloured_noise(e), (1, 3, 224, 224)).astype(np.uint8) for e in (-3.0, 0.0))
    assert figures(smooth).bits_per_pixel[0] < 0.5 * figures(rough).bits_per_pixel[0]


def test_a_workload_and_photographs_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        pixels = np.broadcast_to(coloured_noise(-2.0, 300, number)[:, :, None], (300, 300, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    assert main(["face_verify", "--count", "4", "--photographs", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| face_verify | 4 | ")
    assert lines[3].startswith(f"| {tmp_path.name} | 3 | ")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["face_verfy"], "face_verify"),
        (["speech_command"], "pictures"),
        (["face_verify", "--photographs", "none"], "does not exist"),
    ],
)
def test_what_cannot_be_looked_at(flags: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*flags, *(["--count", "1"] if "--photographs" in flags else [])]) == 2
    assert words in capsys.readouterr().err
