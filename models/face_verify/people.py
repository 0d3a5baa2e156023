"""Who a person is: the traits of an identity, drawn once and the same in each of its pictures.

The order of the table is part of the data set; what changes from picture to picture lives in `moments`.
"""

from __future__ import annotations

import numpy as np

from bench.models.face_verify.canvas import Field, Look
from bench.models.image_classify.canvas import Draws

# Each trait with its least and greatest value, all equally likely. Lengths are in map units (canvas.py), strengths from
# 0 to 1; what is drawn below zero is absent.
TRAITS: dict[str, tuple[float, float]] = {
    "width": (0.84, 1.04),
    "jaw": (0.0, 1.0),
    "taper": (-0.14, 0.12),
    "chin": (1.08, 1.36),
    "eye_height": (-0.17, -0.03),
    "eye_gap": (0.35, 0.48),
    "eye_width": (0.145, 0.21),
    "eye_open": (0.05, 0.105),
    "eye_tilt": (-0.1, 0.24),
    "eye_skew": (-0.45, 0.45),
    "lid_fold": (-0.3, 1.0),
    "fold_height": (0.03, 0.085),
    "iris_size": (0.076, 0.1),
    "iris_tone": (0.0, 1.0),
    "iris_hue": (0.0, 1.0),
    "bags": (0.0, 1.0),
    "brow_height": (0.16, 0.3),
    "brow_thickness": (0.022, 0.062),
    "brow_length": (0.36, 0.54),
    "brow_tilt": (-0.04, 0.12),
    "brow_arch": (0.0, 0.1),
    "brow_start": (0.1, 0.22),
    "brow_dark": (0.4, 0.95),
    "nose_tip": (0.27, 0.47),
    "nose_width": (0.13, 0.25),
    "nose_bridge": (0.045, 0.1),
    "nose_ridge": (0.25, 1.0),
    "nose_bulb": (0.06, 0.14),
    "nostril": (0.2, 1.0),
    "mouth_place": (0.34, 0.49),
    "mouth_width": (0.22, 0.38),
    "upper_lip": (0.028, 0.09),
    "lower_lip": (0.045, 0.12),
    "bow": (0.0, 1.0),
    "droop": (-0.05, 0.06),
    "slant": (-0.025, 0.025),
    "lip_red": (0.2, 0.8),
    "lip_dark": (0.0, 0.3),
    "cheekbone": (0.0, 1.0),
    "cheekbone_height": (0.04, 0.26),
    "blush": (0.0, 0.4),
    "socket": (0.1, 1.0),
    "brow_ridge": (0.0, 1.0),
    "chin_bump": (0.1, 1.0),
    "cleft": (-2.0, 1.0),
    "folds": (0.0, 1.0),
    "age": (0.0, 1.0),
    "skin_tone": (0.0, 1.0),
    "skin_warm": (-1.0, 1.0),
    "hair_tone": (0.0, 1.0),
    "hair_grey": (-2.0, 0.9),
    "hairline": (-1.02, -0.68),
    "hairline_curve": (0.1, 0.6),
    "peak": (-0.08, 0.14),
    "hair_volume": (0.02, 0.2),
    "hair_length": (-1.0, 1.5),
    "fringe": (-1.0, 1.0),
    "part": (-0.22, 0.22),
    "bald": (-9.0, 1.0),
    "ear_size": (0.15, 0.27),
    "ear_out": (0.0, 0.13),
    "ear_height": (-0.06, 0.14),
    "beard": (-2.0, 1.0),
    "freckles": (-1.5, 1.0),
    "neck": (0.5, 0.78),
    **{
        f"mole{number}_{what}": span
        for number in range(3)
        for what, span in {"u": (-0.75, 0.75), "v": (-0.6, 1.0), "size": (-0.05, 0.05)}.items()
    },
}

SKIN_GRAIN = (34, 28)


def draw_people(draws: list[Draws]) -> tuple[Look, Field]:
    """Traits of each person and the grain of their skin (people, 34, 28) in [-1, 1)."""
    look = spread(np.stack([draw.uniforms(len(TRAITS)) for draw in draws]), TRAITS)
    return look, np.stack([draw.noise(*SKIN_GRAIN) for draw in draws])


def spread(numbers: np.ndarray[tuple[int, int], np.dtype[np.float64]], spans: dict[str, tuple[float, float]]) -> Look:
    """Spread numbers (faces, len(spans)) in [0, 1) over spans, by name."""
    return {
        name: (low + (high - low) * numbers[:, place]).astype(np.float32)[:, None, None]
        for place, (name, (low, high)) in enumerate(spans.items())
    }
