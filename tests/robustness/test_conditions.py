"""The table of corruptions: ordered levels, streams that never meet, and samples that are the same everywhere."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from bench.models.image_classify.canvas import Draws
from bench.models.image_classify.data import evaluation_inputs
from bench.robustness import CORRUPTIONS, LEVELS, Condition, change, conditions, kind_of
from bench.robustness.draws import BELL_DEVIATION, bell, power, uniform, words
from bench.text.catalogue import LANGUAGES, catalogue

# Of the first bytes that each condition makes of the samples below. A different one is another data set: the stored
# answers of the reference would be those of other samples.
DIGESTS = {
    "blur.1": "78d46c96c0e9918a",
    "blur.2": "ee382c4e13fd5f9b",
    "blur.3": "a7236cf5f2503ee4",
    "low_light.1": "f1a8731fbebd35c1",
    "low_light.2": "7d3d7efb1eb9d3bb",
    "low_light.3": "6e2121127794b6d2",
    "noise.1": "2f75e3f48a186725",
    "noise.2": "71d77d5e3dc93b77",
    "noise.3": "90dd61d80de06e25",
    "occlusion.1": "40e38c6e9fe59c7b",
    "occlusion.2": "36dcd230cb70d566",
    "occlusion.3": "527e44e931a93044",
    "white_noise.1": "df9dafbc87996774",
    "white_noise.2": "11ad0a26ede59ce5",
    "white_noise.3": "a216e443e64b200d",
    "pink_noise.1": "41a12e10917c769e",
    "pink_noise.2": "5d54f7cf04cc973f",
    "pink_noise.3": "4f689d149f576410",
    "reverberation.1": "25cb593a669a1447",
    "reverberation.2": "1832e856f651edb1",
    "reverberation.3": "7f9b0c9ae7d7859e",
}


def samples(kind: str) -> dict[str, np.ndarray]:
    """The same whole numbers on every machine: a ramp, folded and shuffled by multiplication."""
    if kind == "pictures":
        pixels = (np.arange(2 * 3 * 224 * 224, dtype=np.int64) * 7919 // 512) % 256
        return {"image": pixels.reshape(2, 3, 224, 224).astype(np.uint8)}
    wave = (np.arange(2 * 16_000, dtype=np.int64) * 7919) % 6001 - 3000
    return {"waveform": wave.reshape(2, 16_000).astype(np.int16)}


def digest(condition: Condition) -> str:
    (found,) = change(condition, samples(condition.corruption.kind), np.array([0, 2399])).values()
    return hashlib.sha256(found.tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("condition", [*conditions("pictures"), *conditions("sound")], ids=lambda one: one.name)
def test_samples_are_the_same_on_every_machine(condition: Condition) -> None:
    assert digest(condition) == DIGESTS[condition.name]


def test_names_and_numbers_are_unique_and_every_level_is_stronger_than_the_one_before() -> None:
    assert len({one.name for one in CORRUPTIONS}) == len({one.number for one in CORRUPTIONS}) == len(CORRUPTIONS)
    for one in CORRUPTIONS:
        steps = np.diff(one.amounts)
        assert (steps < 0).all() if one.unit == "dB" else (steps > 0).all()
        assert len(one.amounts) == len(LEVELS)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_corruption_and_unit_has_words(lang: str) -> None:
    for one in CORRUPTIONS:
        assert f"corruption.{one.name}" in catalogue(lang)
        assert "{amount}" in catalogue(lang)[f"amount.{one.unit}"]


@pytest.mark.parametrize("kind", ["pictures", "sound"])
def test_a_higher_level_changes_more(kind: str) -> None:
    given = evaluation_inputs(np.array([0, 1])) if kind == "pictures" else samples(kind)
    (clean,) = (array.astype(float) for array in given.values())
    for corruption in (one for one in CORRUPTIONS if one.kind == kind):
        away = []
        for level in LEVELS:
            (found,) = change(Condition(corruption=corruption, level=level), given, np.array([0, 1])).values()
            away.append(((found - clean) ** 2).mean())
        assert 0 < away[0] < away[1] < away[2], corruption.name


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        ([(3, 224, 224)], "pictures"),
        ([(16_000,)], "sound"),
        ([(3, 8, 8), (4,)], "pictures"),
        ([(3, 8, 8), (3, 4, 4)], "pictures"),
        ([(3, 8, 8), (16_000,)], None),
        ([(1, 28, 28)], None),
        ([(128,)], None),
        ([()], None),
        ([], None),
    ],
)
def test_what_samples_are_is_read_from_their_shapes(shapes: list[tuple[int, ...]], kind: str | None) -> None:
    assert kind_of(shapes) == kind


def test_nothing_is_asked_of_samples_of_no_known_kind() -> None:
    assert conditions(None) == ()
    assert len(conditions("pictures")) == 12
    assert len(conditions("sound")) == 9


def test_other_inputs_stay_as_they_are() -> None:
    given = {**samples("pictures"), "where": np.array([[1, 2], [3, 4]])}
    found = change(conditions("pictures")[8], given, np.array([0, 1]))
    assert (found["image"] != given["image"]).any()
    np.testing.assert_array_equal(found["where"], given["where"])


def test_no_stream_meets_another_one_or_that_of_a_picture() -> None:
    keys = [(number, seed, index) for number in (1, 2, 7) for seed in (0, 1, 2**40) for index in (0, 1, 2**33)]
    seen = [words(*key).random_raw(4).tobytes() for key in keys]
    drawn = [Draws(stream, 0, index)._source.random_raw(4).tobytes() for stream in (1, 2, 7) for index in (0, 1)]
    assert len({*seen, *drawn}) == len(seen) + len(drawn)


def test_bells_are_nearly_normal() -> None:
    drawn = bell(words(3, 0, 0), 400_001).astype(float)
    assert drawn.shape == (400_001,)
    assert drawn.std() == pytest.approx(BELL_DEVIATION, rel=0.005)
    assert drawn.mean() == pytest.approx(0.0, abs=1.0)
    shares = [(np.abs(drawn) < k * BELL_DEVIATION).mean() for k in (1, 2)]
    assert shares == pytest.approx([0.6827, 0.9545], abs=0.016)


def test_uniform_numbers_and_powers() -> None:
    source = words(1, 0, 0)
    drawn = [uniform(source) for _ in range(4000)]
    assert 0.0 <= min(drawn) < 0.01
    assert 0.99 < max(drawn) < 1.0
    assert power(10, -0.35) == pytest.approx(10**-0.35, rel=1e-15)
    assert power(0.5, 2.4) == pytest.approx(0.5**2.4, rel=1e-15)
