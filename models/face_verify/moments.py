"""What changes from picture to picture: pose, expression, light, camera, years, glasses, masks; none knows the person.

A document photo and a live picture have the same circumstances, in spans of their own. Orders are part of the data set.
"""

from __future__ import annotations

import numpy as np

from bench.models.face_verify.canvas import Field, Look, ramp
from bench.models.face_verify.people import spread
from bench.models.image_classify.canvas import Draws

# What is multiplied by the hardship of a picture has spans for the hardest one. Strengths below zero: absent.
LIVE: dict[str, tuple[float, float]] = {
    "hardship": (0.1, 0.8),
    "yaw": (-0.55, 0.55),
    "pitch": (-0.26, 0.26),
    "roll": (-0.12, 0.12),
    "zoom": (0.96, 1.06),
    "shift_x": (-2.5, 2.5),
    "shift_y": (-2.5, 2.5),
    "smile": (-0.6, 1.0),
    "open": (-1.2, 1.0),
    "brow_raise": (-0.06, 0.06),
    "eyes": (0.45, 1.15),
    "gaze_x": (-0.05, 0.05),
    "gaze_y": (-0.02, 0.02),
    "years": (-0.25, 0.25),
    "tan": (-0.08, 0.08),
    "rouge": (-1.0, 0.8),
    "shaved": (-0.6, 0.6),
    "hair_change": (-4.0, 1.0),
    "other_length": (-1.0, 1.5),
    "other_fringe": (-1.0, 1.0),
    "other_part": (-0.22, 0.22),
    "other_tone": (-0.08, 0.08),
    "light_x": (-1.0, 1.0),
    "light_y": (-1.0, 0.35),
    "light_power": (0.35, 1.0),
    "ambient": (0.3, 0.75),
    "warmth": (-0.16, 0.16),
    "tint": (-0.07, 0.07),
    "exposure": (-0.45, 0.3),
    "contrast": (-0.3, 0.2),
    "blur_x": (-0.3, 1.2),
    "blur_y": (-0.3, 1.2),
    "distance": (-2.4, 0.8),
    "noise": (2.0, 30.0),
    "colour_noise": (1.0, 16.0),
    "blocks": (-14.0, 16.0),
    "glasses": (-3.0, 1.0),
    "glass_width": (0.25, 0.34),
    "glass_height": (0.15, 0.26),
    "glass_square": (0.0, 1.0),
    "frame": (0.018, 0.055),
    "frame_tone": (10.0, 120.0),
    "glare": (-0.6, 0.75),
    "mask": (-40.0, 1.0),
    "mask_tone": (60.0, 235.0),
    "mask_blue": (-10.0, 60.0),
    "mask_top": (0.08, 0.28),
    "strands": (-2.0, 1.0),
    "strand_place": (-0.7, 0.7),
    "back_red": (30.0, 215.0),
    "back_green": (30.0, 215.0),
    "back_blue": (30.0, 215.0),
    "back_slope_x": (-60.0, 60.0),
    "back_slope_y": (-60.0, 60.0),
    "clutter": (5.0, 60.0),
    "beam_place": (-1.6, 1.6),
    "beam": (-70.0, 70.0),
    "cloth_red": (20.0, 190.0),
    "cloth_green": (20.0, 190.0),
    "cloth_blue": (20.0, 190.0),
}

# A document photo: from the front, at rest, in even light before a plain wall; small, and printed.
DOCUMENT: dict[str, tuple[float, float]] = {
    **LIVE,
    "yaw": (-0.07, 0.07),
    "pitch": (-0.05, 0.05),
    "roll": (-0.05, 0.05),
    "zoom": (0.97, 1.05),
    "shift_x": (-1.5, 1.5),
    "shift_y": (-1.5, 1.5),
    "smile": (-0.6, 0.25),
    "open": (-1.0, 0.0),
    "brow_raise": (-0.02, 0.02),
    "eyes": (0.9, 1.1),
    "gaze_x": (-0.01, 0.01),
    "gaze_y": (-0.008, 0.008),
    "rouge": (-1.0, 0.3),
    "hair_change": (-1.0, 0.0),
    "light_x": (-0.3, 0.3),
    "light_y": (-0.7, -0.1),
    "light_power": (0.35, 0.6),
    "ambient": (0.55, 0.75),
    "warmth": (-0.07, 0.07),
    "tint": (-0.04, 0.04),
    "exposure": (-0.12, 0.16),
    "contrast": (-0.4, 0.1),
    "blur_x": (0.3, 1.2),
    "blur_y": (0.3, 1.2),
    "distance": (-0.2, 1.0),
    "noise": (2.0, 10.0),
    "colour_noise": (1.0, 5.0),
    "blocks": (-4.0, 14.0),
    "glasses": (-6.0, 1.0),
    "glare": (-2.0, 0.5),
    "mask": (-1.0, 0.0),
    "strands": (-1.0, 0.0),
    "back_red": (150.0, 245.0),
    "back_green": (170.0, 245.0),
    "back_blue": (190.0, 250.0),
    "back_slope_x": (-8.0, 8.0),
    "back_slope_y": (-12.0, 12.0),
    "clutter": (0.0, 3.0),
    "beam": (0.0, 0.0),
}

_HARDER = ("yaw", "pitch", "roll", "shift_x", "shift_y", "light_x", "warmth", "tint", "exposure", "contrast")
_CLUTTER = (16, 16)


def draw_moments(draws: list[Draws], live: list[bool], hardness: float) -> tuple[Look, Field]:
    """Circumstances of each picture, and the clutter (pictures, 16, 16) in [-1, 1) behind the head.

    `hardness` multiplies how far pose, light and exposure of live pictures stray, and their noise.
    """
    numbers = np.stack([draw.uniforms(len(LIVE)) for draw in draws])
    outside, inside = spread(numbers, LIVE), spread(numbers, DOCUMENT)
    chosen = np.array(live)[:, None, None]
    moment = {name: np.where(chosen, outside[name], inside[name]) for name in LIVE}
    hardship = np.where(chosen, moment["hardship"] * np.float32(hardness), np.float32(1))
    for name in _HARDER:
        moment[name] = moment[name] * hardship
    moment["noise"] = moment["noise"] * hardship * hardship + 1
    moment["colour_noise"] = moment["colour_noise"] * hardship * hardship + 1
    moment["live"] = chosen.astype(np.float32)
    return moment, np.stack([draw.noise(*_CLUTTER) for draw in draws])


def appearance(person: Look, moment: Look) -> Look:
    """What a person looks like at a moment: traits and circumstances, the former changed by the latter."""
    look = {**person, **moment}
    smile, mouth_open = ramp(moment["smile"]), ramp(moment["open"])
    look["age"] = ramp(person["age"] + moment["years"])
    look["skin_tone"] = ramp(person["skin_tone"] + moment["tan"])
    look["hair_grey"] = person["hair_grey"] + moment["years"]
    look["hair_tone"] = ramp(person["hair_tone"] + moment["other_tone"])
    look["hairline"] = person["hairline"] - 0.1 * moment["years"]
    other = moment["hair_change"] > 0.4
    for trait, changed in {"hair_length": "other_length", "fringe": "other_fringe", "part": "other_part"}.items():
        look[trait] = np.where(other, moment[changed], person[trait])
    look["beard"] = person["beard"] + np.where(person["beard"] > -0.5, moment["shaved"], np.float32(0))
    look["eye_open"] = person["eye_open"] * moment["eyes"] * (1 - 0.25 * smile)
    look["brow_height"] = person["brow_height"] + moment["brow_raise"]
    look["mouth_width"] = person["mouth_width"] * (1 + 0.22 * smile - 0.1 * mouth_open)
    look["lip_red"] = ramp(person["lip_red"] + 0.5 * ramp(moment["rouge"]))
    look["lip_dark"] = person["lip_dark"] + 0.25 * ramp(moment["rouge"])
    look["folds"] = person["folds"] + smile
    look["smile"], look["open"] = smile, mouth_open
    look["mouth"] = person["nose_tip"] + person["mouth_place"] * (person["chin"] - person["nose_tip"])
    look["bald"] = (person["bald"] > 0).astype(np.float32)
    return look
