"""Pictures and labels of `face_verify`: rendered people, a picture a pure function of (stream, seed, identity, side).

An even side is an identity document's photo, an odd one a live picture. Evaluation, validation, training, calibration
and load have streams, and so people, of their own. No model runs here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.models.face_verify.camera import NOISE_PLANES, backdrop, compress, expose, focus, screen, sense
from bench.models.face_verify.canvas import COLUMNS, Field
from bench.models.face_verify.colours import STRAND_ROWS, light_up, paint
from bench.models.face_verify.features import make_relief
from bench.models.face_verify.head import SIZE, photograph
from bench.models.face_verify.moments import appearance, draw_moments
from bench.models.face_verify.people import TRAITS, draw_people
from bench.models.face_verify.worn import wear
from bench.models.image_classify.canvas import Draws

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]

EVALUATION_IDENTITIES: int = 2400
EVALUATION_SIZE: int = 2 * EVALUATION_IDENTITIES

# Streams may never be renumbered: the numbers are part of the data set. Those below are other workloads'.
_EVALUATION, _VALIDATION, _TRAINING, _CALIBRATION, _LOAD = 11, 12, 13, 14, 15
# How much harder the live pictures are than those of the training, chosen on validation people.
_HARDNESS = 1.45
# Keys of one identity: its traits, then its sides.
_SIDES = 63
# So many pictures at once keep planes in the cache, and too small for memory to be handed back each time.
_TOGETHER = 4


def render(stream: int, seed: int, identities: Labels, sides: Labels) -> Images:
    """Return pictures (n, 3, 112, 112) of `sides` (n,) of `identities` (n,)."""
    images = np.empty((len(identities), 3, SIZE, SIZE), dtype=np.uint8)
    for first in range(0, len(identities), _TOGETHER):
        part = slice(first, first + _TOGETHER)
        images[part] = _render(stream, seed, identities[part].tolist(), sides[part].tolist())
    return images


def _render(stream: int, seed: int, identities: list[int], sides: list[int]) -> Images:
    person, grain = draw_people([Draws(stream, seed, identity * (_SIDES + 1)) for identity in identities])
    draws = [_side(stream, seed, identity, side) for identity, side in zip(identities, sides, strict=True)]
    hardness = 1.0 if stream == _TRAINING else _HARDNESS
    moment, clutter = draw_moments(draws, [side % 2 == 1 for side in sides], hardness)
    strands = _stacked(draws, STRAND_ROWS, COLUMNS)
    noise = _stacked(draws, NOISE_PLANES, SIZE, SIZE)
    look = appearance(person, moment)
    face = make_relief(look, grain)
    planes = paint(face, look, strands)
    wear(planes, face, look)
    light_up(planes, face, look)
    picture = photograph(planes, look, backdrop(look, clutter), strands)
    expose(picture, look)
    screen(picture, look)
    picture = sense(focus(picture, look), look, noise)
    compress(picture, look)
    np.clip(picture, 0, 255, out=picture)
    return picture.astype(np.uint8)


def moments_of(identities: Labels) -> dict[str, NDArray[np.float32]]:
    """Circumstances (n,) of the live pictures of evaluation people, by name: what makes them hard."""
    draws = [_side(_EVALUATION, 0, identity, 1) for identity in identities.tolist()]
    moment, _ = draw_moments(draws, [True] * len(draws), _HARDNESS)
    return {name: values[:, 0, 0] for name, values in moment.items()}


def _side(stream: int, seed: int, identity: int, side: int) -> Draws:
    return Draws(stream, seed, identity * (_SIDES + 1) + 1 + side)


def _stacked(draws: list[Draws], *shape: int) -> Field:
    return np.stack([draw.noise(*shape) for draw in draws])


def _pairs(stream: int, seed: int, indices: Labels) -> Images:
    """Pictures by number: 2·identity + side."""
    return render(stream, seed, indices // 2, indices % 2)


def _checked(indices: Labels) -> Labels:
    wrong = indices[(indices < 0) | (indices >= EVALUATION_SIZE)]
    if len(wrong):
        raise IndexError(f"face_verify has evaluation pictures 0 to {EVALUATION_SIZE - 1}; asked for {wrong[0]}.")
    return indices


def evaluation_inputs(indices: Labels) -> dict[str, Images]:
    """Return {"image": uint8 (len(indices), 3, 112, 112)}: 2·i is the document of person i, 2·i + 1 the live one."""
    return {"image": _pairs(_EVALUATION, 0, _checked(indices))}


def evaluation_labels(indices: Labels) -> Labels:
    """Return int64 (len(indices), 2): identity, then 0 for the document, 1 for the live picture."""
    return np.stack([_checked(indices) // 2, indices % 2], axis=1)


def load_inputs(count: int, seed: int) -> dict[str, Images]:
    """Return `count` distinct pictures for timing, {"image": uint8 (count, 3, 112, 112)}."""
    return {"image": _pairs(_LOAD, seed, np.arange(count))}


def calibration_inputs(count: int) -> dict[str, Images]:
    """Return `count` pictures for int8 calibration, {"image": uint8 (count, 3, 112, 112)}."""
    return {"image": _pairs(_CALIBRATION, 0, np.arange(count))}


def training_pictures(identities: Labels, sides: Labels) -> Images:
    """Return training pictures (n, 3, 112, 112); sides run from 0 to 62."""
    return render(_TRAINING, 0, identities, sides)


def training_traits(identities: int) -> NDArray[np.float32]:
    """What the first people of the training are drawn from, (identities, traits), of mean 0 and deviation 1."""
    people, _ = draw_people([Draws(_TRAINING, 0, identity * (_SIDES + 1)) for identity in range(identities)])
    spans = np.array(list(TRAITS.values()), dtype=np.float32)
    drawn = np.concatenate([people[name][:, :, 0] for name in TRAITS], axis=1)
    result: NDArray[np.float32] = (drawn - spans.mean(axis=1)) / ((spans[:, 1] - spans[:, 0]) * np.float32(12**-0.5))
    return result


def validation_pictures(identities: int) -> Images:
    """Return documents and live pictures (2·identities, 3, 112, 112) of people neither trained nor evaluated on."""
    return _pairs(_VALIDATION, 0, np.arange(2 * identities))
