"""`bench.robustness.pictures`: against slow models of optics and sensor, and what must stay as it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from bench.robustness.pictures import blur, disc, low_light, noise, occlude

Pictures = NDArray[np.uint8]
ALL = (blur, low_light, noise, occlude)
AMOUNTS = dict(zip(ALL, (2.5, 4.0, 16.0, 0.25), strict=True))
Function = Callable[[Pictures, NDArray[np.int64], float, int, int], Pictures]


def random_pictures(count: int, height: int = 32, width: int = 48) -> Pictures:
    return np.random.default_rng(3).integers(0, 256, (count, 3, height, width), dtype=np.uint8)


def grey(level: int, side: int = 224) -> Pictures:
    return np.full((1, 3, side, side), level, np.uint8)


def apply(function: Function, pictures: Pictures, amount: float, first: int = 0, seed: int = 0) -> Pictures:
    return function(pictures, np.arange(first, first + len(pictures)), amount, seed, 1)


@pytest.mark.parametrize("radius", [0.7, 1.0, 1.75, 2.5, 6.0])
def test_a_point_out_of_focus_is_a_disc_of_its_radius(radius: float) -> None:
    weights = disc(radius)
    side = np.arange(len(weights)) - len(weights) // 2
    share = weights / weights.sum()
    assert weights.sum() / 256 == pytest.approx(np.pi * radius**2, rel=0.01)
    # A disc has the variance r²/4 along each axis, and rounding to whole pixels adds 1/12 (Sheppard).
    assert (share.sum(0) * side**2).sum() == pytest.approx(radius**2 / 4 + 1 / 12, abs=0.07)
    for mirrored in (weights[::-1], weights[:, ::-1], weights.T):
        np.testing.assert_array_equal(weights, mirrored)


@pytest.mark.parametrize("radius", [1.0, 1.75, 2.5, 20.0])
def test_blur_is_the_convolution_of_a_slow_reference(radius: float) -> None:
    pictures = random_pictures(2, 224, 230)[:, :, :, :]
    weights = disc(radius).astype(float)
    found = apply(blur, pictures, radius)
    for picture, blurred in zip(pictures[:1], found[:1], strict=True):
        for channel, expected in zip(blurred, picture.astype(float), strict=True):
            slow = ndimage.convolve(expected, weights / weights.sum(), mode="reflect")
            assert np.abs(channel - slow).max() <= 0.5 + 1e-6


def test_blur_keeps_the_mean_and_what_is_flat() -> None:
    pictures = random_pictures(1, 224, 224)
    assert apply(blur, pictures, 2.5).mean() == pytest.approx(pictures.mean(), abs=0.05)
    np.testing.assert_array_equal(apply(blur, grey(77), 2.5), grey(77))


def test_the_radius_is_that_of_a_picture_of_224() -> None:
    small = random_pictures(1, 56, 80)
    np.testing.assert_array_equal(apply(blur, small, 2.0), small)  # half a pixel
    assert (apply(blur, small, 8.0) != small).mean() > 0.5


@pytest.mark.parametrize(("code", "stops"), [(255, 2.0), (128, 2.0), (200, 4.0), (255, 6.0), (60, 4.0)])
def test_low_light_has_the_moments_of_photons_counted_one_by_one(code: int, stops: float) -> None:
    rng = np.random.default_rng(0)
    linear = ((code / 255 + 0.055) / 1.055) ** 2.4
    electrons = rng.poisson(4095 * linear * 0.5**stops, 400_000) + rng.normal(0, 5, 400_000)
    light = np.clip(np.rint(electrons), 0, 4095) / 4095
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    expected = np.rint(255 * curve)
    found = apply(low_light, grey(code), stops).astype(float)
    assert found.mean() == pytest.approx(expected.mean(), rel=0.01, abs=0.1)
    assert found.std() == pytest.approx(expected.std(), rel=0.04)


def test_normal_exposure_without_much_noise_is_nearly_the_picture() -> None:
    bright = grey(200)
    assert np.abs(apply(low_light, bright, 0.0).astype(int) - 200).max() < 12


@pytest.mark.parametrize("deviation", [8.0, 16.0, 32.0])
def test_noise_has_the_deviation_that_is_asked(deviation: float) -> None:
    added = apply(noise, grey(128), deviation).astype(float) - 128
    assert added.std() == pytest.approx(deviation, rel=0.01)
    assert added.mean() == pytest.approx(0.0, abs=4 * deviation / np.sqrt(added.size))
    assert abs(np.corrcoef(added[0].reshape(3, -1))[0, 1]) < 0.02, "the colours have noise of their own"
    assert abs(np.corrcoef(added[0, 0, :, 1:].ravel(), added[0, 0, :, :-1].ravel())[0, 1]) < 0.02


@given(st.sampled_from([0.1, 0.25, 0.5]), st.integers(40, 120), st.integers(40, 120), st.integers(0, 2**40))
def test_occlusion_covers_the_share_that_is_asked(share: float, height: int, width: int, index: int) -> None:
    picture = random_pictures(1, height, width)
    covered = (apply(occlude, picture, share, first=index) != picture).any(axis=(0, 1))
    # Half a column of each patch may be missing or too many.
    assert covered.mean() == pytest.approx(share, abs=0.5 * 4 * (height / 2) / (height * width))
    for rows in (slice(0, height // 2), slice(height // 2, height)):
        for columns in (slice(0, width // 2), slice(width // 2, width)):
            quarter = covered[rows, columns]
            places = np.argwhere(quarter)
            (top, left), (bottom, right) = places.min(0), places.max(0)
            assert quarter[top : bottom + 1, left : right + 1].all(), "one rectangle in each quarter"


def test_a_patch_has_one_colour() -> None:
    picture = random_pictures(1)
    found = apply(occlude, picture, 0.5)
    quarter = (found != picture).any(axis=(0, 1))[:16, :24]
    colours = found[0, :, :16, :24][:, quarter]
    assert len(np.unique(colours, axis=1).T) == 1


@pytest.mark.parametrize("function", ALL)
def test_a_sample_depends_on_seed_and_index_and_nothing_else(function: Function) -> None:
    pictures = random_pictures(6)
    whole = apply(function, pictures, AMOUNTS[function])
    parts = [apply(function, pictures[i : i + 2], AMOUNTS[function], first=i) for i in (0, 2, 4)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert (whole.dtype, whole.shape) == (np.uint8, pictures.shape)
    same = np.repeat(pictures[:1], 3, axis=0)
    others = [apply(function, same, AMOUNTS[function]), apply(function, same, AMOUNTS[function], first=7, seed=1)]
    distinct = {picture.tobytes() for found in others for picture in found}
    assert len(distinct) == (1 if function is blur else 6), "noise of two indices, or of two seeds, is never the same"
    np.testing.assert_array_equal(pictures, random_pictures(6), err_msg="what comes in stays as it is")


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (2, 3, 1, 1), (1, 3, 1, 5), (1, 3, 300, 7)])
def test_odd_sizes_are_no_trouble(function: Function, shape: tuple[int, ...]) -> None:
    pictures = np.full(shape, 90, np.uint8)
    found = apply(function, pictures, AMOUNTS[function])
    assert (found.dtype, found.shape) == (np.uint8, shape)


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize(
    ("pictures", "indices", "words"),
    [
        (np.zeros((2, 3, 8, 8), np.float32), [0, 1], "float32"),
        (np.zeros((2, 3, 8, 8), np.int16), [0, 1], "int16"),
        (np.zeros((2, 1, 8, 8), np.uint8), [0, 1], r"\(2, 1, 8, 8\)"),
        (np.zeros((2, 8, 8, 3), np.uint8), [0, 1], r"\(2, 8, 8, 3\)"),
        (np.zeros((3, 8, 8), np.uint8), [0, 1, 2], r"\(3, 8, 8\)"),
        (np.zeros((1, 3, 0, 8), np.uint8), [0], "no pixels"),
        (np.zeros((2, 3, 8, 8), np.uint8), [0], "one for each"),
    ],
)
def test_what_is_no_picture_is_refused(
    function: Function, pictures: NDArray[np.generic], indices: list[int], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        function(pictures, np.array(indices), AMOUNTS[function], 0, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("function", [low_light, noise, occlude])
def test_a_negative_index_is_refused(function: Function) -> None:
    with pytest.raises(ValueError, match="negative"):
        apply(function, random_pictures(1), AMOUNTS[function], first=-1)
