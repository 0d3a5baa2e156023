"""The features of a face on the flat map: how dark, how red and how high each point is.

Eyes, which have colours of their own, hair and what is worn are painted over it in `colours` and `worn`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.models.face_verify.canvas import (
    COLUMNS,
    ROWS,
    WHOLE,
    Field,
    Look,
    add,
    bump,
    cover,
    edge,
    line,
    ramp,
    window,
)
from bench.models.image_classify.canvas import wave

_BROW = window(0.04, 0.82, -0.7, -0.08, mirrored=True)
EYE_WINDOW = window(0.08, 0.82, -0.46, 0.24, mirrored=True)
_NOSE = window(-0.42, 0.42, -0.4, 0.7)
_NOSTRIL = window(0.0, 0.4, 0.12, 0.7, mirrored=True)
_CHEEK = window(0.0, 1.12, -0.6, 0.8, mirrored=True)
_FOLD = window(0.1, 0.7, 0.26, 0.98, mirrored=True)
MOUTH_WINDOW = window(-0.56, 0.56, 0.36, 1.14)
_CHIN = window(-0.5, 0.5, 0.7, 1.45)
_FOREHEAD = window(-0.62, 0.62, -0.85, -0.36)
_JAW = window(-1.2, 1.2, 0.2, 1.45)


@dataclass(frozen=True, slots=True)
class Relief:
    """Planes (faces, ROWS, COLUMNS): darkness and redness from 0 to 1, height in map units, and the lips."""

    dark: Field
    red: Field
    height: Field


def make_relief(look: Look, grain: Field) -> Relief:
    """Draw all features of faces with `look`, on skin with `grain` (faces, ROWS / 4, COLUMNS / 4)."""
    shape = (len(grain), ROWS, COLUMNS)
    face = Relief(*(np.zeros(shape, dtype=np.float32) for _ in range(3)))
    _skin(face, look, grain)
    _cheeks(face, look)
    _forehead(face, look)
    _nose(face, look)
    _folds(face, look)
    _beard(face, look, grain)
    _mouth(face, look)
    _chin(face, look)
    _eye_lids(face, look)
    _brows(face, look)
    _moles(face, look)
    return face


def _skin(face: Relief, look: Look, grain: Field) -> None:
    """Mottling for everybody, freckles on nose and cheeks for some."""
    fine = np.repeat(np.repeat(grain, 2, axis=2), 2, axis=1)
    rows, columns = slice(34, 34 + fine.shape[1]), slice(28, 28 + fine.shape[2])
    place = WHOLE
    u, v = place.u[:, :, columns], place.v[:, rows]
    spots = ramp(fine - 0.45) * (2 * ramp(look["freckles"]) * bump(u / 0.8))
    spots *= bump((v - 0.12) / 0.55)
    fine = fine * (bump(u / 0.85) * np.float32(0.03))
    fine += spots * np.float32(0.6)
    face.dark[:, rows, columns] += fine


def _cheeks(face: Relief, look: Look) -> None:
    """Cheekbones, blush, and the sockets of the eyes under the ridge of the brows."""
    u, v = _CHEEK.u, _CHEEK.v
    bone = bump((u - 0.6) / 0.34) * (look["cheekbone"] * np.float32(0.1))
    height = bone * bump((v - look["cheekbone_height"]) / 0.26)
    height -= (bump((u - look["eye_gap"]) / 0.3) * look["socket"] * np.float32(0.09)) * bump(
        (v - look["eye_height"]) / 0.2
    )
    height += (bump((u - look["eye_gap"]) / 0.4) * look["brow_ridge"] * np.float32(0.07)) * bump(
        (v - look["eye_height"] + look["brow_height"]) / 0.16
    )
    add(face.height, _CHEEK, height)
    add(face.red, _CHEEK, (bump((u - 0.55) / 0.4) * look["blush"]) * bump((v - 0.28) / 0.36))
    hollow = bump((u - 0.62) / 0.3) * (look["cheekbone"] * np.float32(0.14))
    add(face.dark, _CHEEK, hollow * bump((v - 0.55) / 0.22))


def _forehead(face: Relief, look: Look) -> None:
    """Lines that come with age, and with raised brows."""
    height = (_FOREHEAD.v - 0.08 * _FOREHEAD.u * _FOREHEAD.u) * 8 + look["brow_arch"] * 9
    lines = wave(np.asarray(height, dtype=np.float32))
    strength = ramp(look["age"] * 1.4 - 0.5) * 0.22 + ramp(look["brow_raise"] * 4)
    shown = ramp(lines - 0.35) * (bump(_FOREHEAD.u / 0.62) * strength)
    shown *= bump((_FOREHEAD.v + 0.58) / 0.24)
    add(face.dark, _FOREHEAD, shown)


def _nose(face: Relief, look: Look) -> None:
    """Ridge, bulb and wings, nostrils and the shadow beneath."""
    u, v = _NOSE.u, _NOSE.v
    tip, eye = look["nose_tip"], look["eye_height"]
    down = ramp((v - eye + 0.06) / (tip - eye + 0.06))
    breadth = (look["nose_bridge"] + down * (look["nose_bulb"] - look["nose_bridge"])) * 1.7
    ridge = bump(u / breadth)
    ridge *= look["nose_ridge"] * (0.05 + 0.17 * down) * ramp((tip + 0.1 - v) * 9)
    ridge += (bump(u / (look["nose_bulb"] * 1.4)) * np.float32(0.07)) * bump((v - tip) / 0.13)
    add(face.height, _NOSE, ridge)
    under = bump(u / (look["nose_width"] * 1.1)) * np.float32(0.16)
    add(face.dark, _NOSE, under * bump((v - tip - 0.11) / 0.07))
    x, v = _NOSTRIL.u, _NOSTRIL.v
    wing = bump((x - look["nose_width"] * 0.72) / 0.08) * np.float32(0.08)
    add(face.height, _NOSTRIL, wing * bump((v - tip - 0.02) / 0.09))
    crease = bump((x - look["nose_width"]) / 0.035) * np.float32(0.3)
    add(face.dark, _NOSTRIL, crease * bump((v - tip - 0.02) / 0.09))
    hole = bump((x - look["nose_width"] * 0.48) / 0.075) * look["nostril"]
    add(face.dark, _NOSTRIL, ramp(hole * bump((v - tip - 0.075) / 0.042) * 1.5) * np.float32(0.75))


def _folds(face: Relief, look: Look) -> None:
    """The lines from the wings of the nose to the corners of the mouth."""
    down = (_FOLD.v - look["nose_tip"]) / (look["mouth"] - look["nose_tip"] + 0.08)
    start = look["nose_width"] + 0.03
    place = start + down * (look["mouth_width"] + 0.1 - start)
    strength = (0.05 + 0.16 * look["folds"] * (0.4 + look["age"])) * ramp(down * 5) * ramp((1.15 - down) * 4)
    add(face.dark, _FOLD, line(_FOLD.u - place, 0.055) * strength)


def _beard(face: Relief, look: Look, grain: Field) -> None:
    """Stubble or beard along the jaw and over the lip."""
    strength = ramp(look["beard"])
    u, v = _JAW.u, _JAW.v
    along = ramp((v - 0.95 + 0.7 * u * u) * 5)
    lip = bump(u / 0.4) * bump((v - 0.5 * (look["nose_tip"] + look["mouth"]) - 0.05) / 0.13)
    along = np.maximum(along, lip * np.float32(1.3)) * strength
    hair = np.repeat(np.repeat(grain[:, :, ::-1], 2, axis=1), 4, axis=2)[:, : along.shape[1], : along.shape[2]]
    cover(face.dark, _JAW, hair * np.float32(0.2) + np.float32(0.75), ramp(along))


def _mouth(face: Relief, look: Look) -> None:
    """Lips and the line between them; a mouth that is open shows in `colours`."""
    across = MOUTH_WINDOW.u / look["mouth_width"]
    arc = ramp(1 - across * across)
    root = np.sqrt(arc)
    y = mouth_line(look)
    gap = look["open"] * arc * np.float32(0.055)
    bow = look["bow"] * bump((MOUTH_WINDOW.u) / 0.07) * 0.4 - look["bow"] * 0.12 * line(
        np.abs(MOUTH_WINDOW.u) - 0.08, 0.06
    )
    lips = edge(y + gap + look["upper_lip"] * root * (1 - bow)) * edge(gap + look["lower_lip"] * root - y)
    cover(face.dark, MOUTH_WINDOW, 0.0, lips * np.float32(0.8))
    upper = edge(-y)
    add(face.red, MOUTH_WINDOW, lips * look["lip_red"])
    add(face.dark, MOUTH_WINDOW, lips * (look["lip_dark"] + upper * np.float32(0.12)))
    add(face.dark, MOUTH_WINDOW, edge(gap - np.abs(y)) * ramp(arc * 4) * np.float32(0.8))
    add(face.height, MOUTH_WINDOW, lips * np.float32(0.03))
    below = bump(across) * np.float32(0.14)
    add(face.dark, MOUTH_WINDOW, below * bump((MOUTH_WINDOW.v - look["mouth"] - look["lower_lip"] - 0.09) / 0.06))
    furrow = bump(MOUTH_WINDOW.u / 0.05) * look["bow"] * np.float32(0.12)
    add(face.dark, MOUTH_WINDOW, furrow * bump((MOUTH_WINDOW.v - look["mouth"] + look["upper_lip"] + 0.08) / 0.08))


def mouth_line(look: Look) -> Field:
    """How far below the line between the lips each point of the mouth's window lies."""
    across = MOUTH_WINDOW.u / look["mouth_width"]
    bend = (look["droop"] - 0.11 * look["smile"]) * across * across + look["slant"] * across
    result: Field = MOUTH_WINDOW.v - (look["mouth"] + bend - 0.35 * look["droop"])
    return result


def _chin(face: Relief, look: Look) -> None:
    u, v = _CHIN.u, _CHIN.v
    high = bump(u / 0.36) * look["chin_bump"] * np.float32(0.1)
    add(face.height, _CHIN, high * bump((v - look["chin"] + 0.16) / 0.17))
    cleft = bump(u / 0.035) * ramp(look["cleft"]) * np.float32(0.4)
    add(face.dark, _CHIN, cleft * bump((v - look["chin"] + 0.14) / 0.1))


def eye_shape(look: Look) -> tuple[Field, Field, Field]:
    """x from the middle of the eye, and the distances below the upper and above the lower lid, in the eyes' window."""
    x = EYE_WINDOW.u - look["eye_gap"]
    along = x / look["eye_width"]
    arc = 1 - along * along
    y = EYE_WINDOW.v - (look["eye_height"] - look["eye_tilt"] * x)
    upper = look["eye_open"] * arc * (1 + look["eye_skew"] * along)
    lower = look["eye_open"] * arc * np.float32(0.72)
    return x, y + upper, lower - y


def _eye_lids(face: Relief, look: Look) -> None:
    """Lashes, the fold of the upper lid, the lower lid and the bag beneath."""
    x, below, above = eye_shape(look)
    along = x / look["eye_width"]
    length = ramp((1.12 - np.abs(along)) * 6)
    lids = line(below, 0.034) * (length * np.float32(0.75))
    lids += line(above, 0.026) * (length * np.float32(0.25))
    fold = below + look["fold_height"] * (0.7 + 0.3 * along)
    lids += line(fold, 0.028) * (ramp(look["lid_fold"]) * length * np.float32(0.5))
    bags = (look["bags"] * (0.3 + 0.7 * look["age"])) * ramp((1 - along * along) * 1.5) * np.float32(0.3)
    lids += line(above + 0.06, 0.05) * bags
    add(face.dark, EYE_WINDOW, lids)


def _brows(face: Relief, look: Look) -> None:
    x = _BROW.u
    along = (x - look["brow_start"]) / look["brow_length"]
    rise = look["brow_tilt"] * along + look["brow_arch"] * along * (1.9 - along) * 1.1
    height = look["eye_height"] - look["brow_height"] - rise + 0.04
    thickness = look["brow_thickness"] * (1.15 - 0.65 * along)
    hair = edge((thickness - np.abs(_BROW.v - height)) * np.float32(0.6))
    hair *= ramp(along * 6 + 0.5) * ramp((1 - along) * 4 + 0.3)
    cover(face.dark, _BROW, look["brow_dark"], hair)


def _moles(face: Relief, look: Look) -> None:
    for number in range(3):
        size = np.maximum(look[f"mole{number}_size"], np.float32(1e-3))
        across = ramp(bump((WHOLE.u - look[f"mole{number}_u"]) / size) * 1.6)
        down = ramp(bump((WHOLE.v - look[f"mole{number}_v"]) / size) * 1.6)
        face.dark[:] = np.maximum(face.dark, across * down * np.float32(0.7))
