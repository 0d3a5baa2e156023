"""Colours of a face on the flat map, from its features: skin, eyes, open mouth and hair; and the light on them."""

from __future__ import annotations

import numpy as np

from bench.models.face_verify.canvas import SCALE, WHOLE, Field, Look, bump, cover, edge, line, mirrored, ramp
from bench.models.face_verify.features import EYE_WINDOW, MOUTH_WINDOW, Relief, eye_shape, mouth_line

Planes = list[Field]

_SKIN_LIGHT, _SKIN_MIDDLE, _SKIN_DARK = (238.0, 203.0, 180.0), (202.0, 154.0, 121.0), (104.0, 70.0, 51.0)
_HAIR_BLACK, _HAIR_BROWN, _HAIR_FAIR, _HAIR_GREY = (24, 20, 20), (84, 54, 36), (186, 148, 98), (168, 166, 164)
_IRIS_BROWN, _IRIS_HAZEL, _IRIS_BLUE, _IRIS_GREEN = (38, 24, 18), (112, 74, 42), (96, 128, 158), (98, 120, 92)
_WARMTH = (7.0, 0.0, -9.0)
# What remains of red, green and blue where a feature is fully dark or fully red.
_DARK, _RED = (0.86, 0.9, 0.9), (0.12, 0.52, 0.48)
STRAND_ROWS = 17

# The head as a ball: which way its skin faces at each point of the map.
_NORMAL_U: Field = np.clip(WHOLE.u * np.float32(0.8), -0.95, 0.95)
_NORMAL_V: Field = np.clip((WHOLE.v + np.float32(0.05)) * np.float32(0.52), -0.8, 0.8)
_NORMAL_OUT: Field = np.sqrt(np.maximum(1 - _NORMAL_U * _NORMAL_U - _NORMAL_V * _NORMAL_V, np.float32(0.06)))


def _between(low: tuple[float, ...], high: tuple[float, ...], share: Field) -> Planes:
    return [share * np.float32(b - a) + np.float32(a) for a, b in zip(low, high, strict=True)]


def _mixed(low: Planes, high: Planes, share: Field) -> Planes:
    return [a + (b - a) * share for a, b in zip(low, high, strict=True)]


def skin_colour(look: Look) -> Planes:
    """Red, green and blue of the bare skin, each (faces, 1, 1)."""
    light = _between(_SKIN_LIGHT, _SKIN_MIDDLE, ramp(look["skin_tone"] * 1.7))
    whole = _mixed(light, _between(_SKIN_DARK, _SKIN_DARK, look["skin_tone"]), ramp(look["skin_tone"] * 2.4 - 1.4))
    return [colour + look["skin_warm"] * np.float32(warm) for colour, warm in zip(whole, _WARMTH, strict=True)]


def hair_colour(look: Look) -> Planes:
    """Red, green and blue of the hair, each (faces, 1, 1)."""
    tone = look["hair_tone"]
    dark = _between(_HAIR_BLACK, _HAIR_BROWN, ramp(tone * 1.5))
    fair = _mixed(dark, _between(_HAIR_FAIR, _HAIR_FAIR, tone), ramp(tone * 3 - 2))
    return _mixed(fair, _between(_HAIR_GREY, _HAIR_GREY, tone), ramp(look["hair_grey"]))


def paint(face: Relief, look: Look, strands: Field) -> Planes:
    """Three planes (faces, ROWS, COLUMNS) of colour before light, 0 to 255; `strands` (faces, 17, COLUMNS)."""
    np.clip(face.dark, -0.1, 1, out=face.dark)
    planes = []
    for skin, dark, red in zip(skin_colour(look), _DARK, _RED, strict=True):
        plane = 1 - face.dark * np.float32(dark)
        plane *= 1 - face.red * np.float32(red)
        plane *= skin
        planes.append(plane)
    _eyes(planes, look)
    _open_mouth(planes, look)
    _hair(planes, face, look, strands)
    return planes


def _eyes(planes: Planes, look: Look) -> None:
    """White, iris, pupil and the glint of the lamp."""
    x, below, above = eye_shape(look)
    inside = edge(below) * edge(above)
    shade = 1 - ramp(1 - below * 12) * np.float32(0.45)
    light = ramp(look["iris_tone"] * 2.5 - 1.5)
    blue = _between(_IRIS_GREEN, _IRIS_BLUE, look["iris_hue"])
    iris = _mixed(_between(_IRIS_BROWN, _IRIS_HAZEL, look["iris_tone"]), blue, light)
    down = (below - above) * np.float32(0.5) - look["gaze_y"] - np.float32(0.01)
    sides = []
    for sign in (1, -1):
        across = x - look["gaze_x"] * np.float32(sign)
        distance = np.sqrt(across * across + down * down)
        ring = edge(look["iris_size"] - distance)
        rings = ring * (0.62 + distance * np.float32(5))
        pupil = edge(look["iris_size"] * 0.42 - distance)
        aside = across + np.float32(0.028 * sign)
        glint = edge(0.021 - np.sqrt(aside * aside + (down + 0.03) * (down + 0.03))) * np.float32(170)
        sides.append((ring, rings, 1 - pupil * np.float32(0.9), glint))
    columns = [EYE_WINDOW.columns, mirrored(EYE_WINDOW.columns)]
    for plane, white, colour in zip(planes, (226.0, 218.0, 212.0), iris, strict=True):
        for number, (ring, rings, pupil, glint) in enumerate(sides):
            value = (1 - ring) * shade * np.float32(white) + rings * colour
            value = value * pupil + glint
            part = plane[:, EYE_WINDOW.rows, columns[number]]
            if number:
                part = part[:, :, ::-1]
            part += (value - part) * inside


def _open_mouth(planes: Planes, look: Look) -> None:
    """The dark of the mouth and, in a smile, teeth."""
    across = MOUTH_WINDOW.u / look["mouth_width"]
    y, arc = mouth_line(look), ramp(1 - across * across)
    gap = look["open"] * arc * np.float32(0.055)
    inside = edge(gap - np.abs(y)) * ramp(arc * 4) * ramp(look["open"] * 6)
    teeth = edge(gap * 0.5 - y) * ramp(look["smile"] * 3) * ramp(arc * 3 - 0.3)
    for plane, dark, white in zip(planes, (62.0, 24.0, 24.0), (226.0, 220.0, 208.0), strict=True):
        cover(plane, MOUTH_WINDOW, teeth * np.float32(white - dark) + np.float32(dark), inside)


def _hair(planes: Planes, face: Relief, look: Look, strands: Field) -> None:
    """Hair above the hairline and beside the face."""
    fine = np.repeat(strands, 8, axis=1)
    fringe = ramp(look["fringe"] * 1.4) * (1 - look["bald"])
    long = ramp(look["hair_length"] * 2)
    u = WHOLE.u
    aside = np.abs(u)
    reach = look["hairline"] + look["hairline_curve"] * u * u + look["part"] * u * (1 + 2 * fringe)
    reach += look["peak"] * bump(u / 0.25) + fringe * 0.4 * bump(u / 1.3) - 1.2 * look["bald"] * bump(u / 1.1)
    beside = ramp((aside - look["width"] + 0.16 + 0.06 * long) * 9)
    reach += beside * (0.35 + long * (0.5 + look["hair_length"]))
    depth = reach - WHOLE.v
    depth += fine * (0.02 + 0.1 * fringe)
    depth *= np.float32(SCALE * 0.4)
    depth += np.float32(0.5)
    share = ramp(depth)
    fine *= np.float32(0.26)
    fine += 1 + 0.35 * line(WHOLE.v + 1.05, 0.45)
    for plane, colour in zip(planes, hair_colour(look), strict=True):
        plane += (fine * colour - plane) * share
    cover(face.height, WHOLE, 0.0, share)


def light_up(planes: Planes, face: Relief, look: Look) -> None:
    """Multiply by the light that falls on the head."""
    up, out = look["light_y"], 1.05 - 0.35 * np.abs(look["light_x"])
    lit = _NORMAL_U * look["light_x"] + _NORMAL_V * up
    lit += _NORMAL_OUT * out
    slope = np.float32(SCALE * 0.3)
    lit[:, :, 1:-1] -= (face.height[:, :, 2:] - face.height[:, :, :-2]) * (look["light_x"] * slope)
    lit[:, 1:-1] -= (face.height[:, 2:] - face.height[:, :-2]) * (up * slope)
    np.clip(lit, 0, 1.7, out=lit)
    lit *= look["light_power"]
    shine = np.maximum(lit - look["light_power"] * 0.98, 0)
    shine *= np.float32(60)
    for plane, ambient in zip(planes, ambient_light(look), strict=True):
        plane *= lit + ambient
        plane += shine


def ambient_light(look: Look) -> Planes:
    """Light from everywhere, red, green and blue, each (faces, 1, 1)."""
    warm, tint = look["warmth"], look["tint"]
    return [look["ambient"] * (1 + shift) for shift in (warm, tint, -warm)]
