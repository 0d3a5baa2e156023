"""What may be worn on a face, painted over the flat map before the light: glasses, a mask, loose strands of hair."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.models.face_verify.canvas import SCALE, Field, Look, choose, edge, line, mirrored, ramp, window
from bench.models.face_verify.colours import Planes, hair_colour
from bench.models.face_verify.features import Relief

_GLASSES = window(0.0, 1.26, -0.5, 0.36, mirrored=True)
_MASK = window(-1.27, 1.27, -0.1, 1.52)
_STRANDS = window(-1.0, 1.0, -1.1, 0.5)


def wear(planes: Planes, face: Relief, look: Look) -> None:
    """Paint what each of the faces wears."""
    for strength, put_on in (("strands", _strands), ("mask", _mask), ("glasses", _glasses)):
        faces = np.flatnonzero(look[strength][:, 0, 0] > 0)
        if len(faces):
            put_on(planes, face, choose(look, faces), faces)


def _lay(plane: Field, faces: NDArray[np.intp], rows: slice, columns: slice, value: Field, share: Field) -> None:
    part = plane[faces, rows, columns]
    part += (value - part) * share
    plane[faces, rows, columns] = part


def _glasses(planes: Planes, face: Relief, look: Look, faces: NDArray[np.intp]) -> None:
    """Two rims, a bridge and the arms; glass that shines a little."""
    place = _GLASSES
    across = (place.u - look["eye_gap"] - 0.01) / look["glass_width"]
    down = (place.v - look["eye_height"] - 0.04) / look["glass_height"]
    across, down = across * across, down * down
    square = look["glass_square"]
    across, down = across + (across * across - across) * square, down + (down * down - down) * square
    inside = (1 - np.sqrt(across + down)) * look["glass_height"]
    rim = edge(look["frame"] * 0.5 - np.abs(inside))
    height = np.abs(place.v - look["eye_height"] + 0.02)
    bars = edge(look["frame"] * 0.5 - height) * edge(-inside)
    rim = np.maximum(rim, bars)
    glass = edge(inside) * ramp(look["glare"]) * line(place.u - look["eye_gap"] + place.v - 0.1 * look["gaze_x"], 0.22)
    for part in (place.columns, mirrored(place.columns)):
        turned = slice(None, None, 1 if part == place.columns else -1)
        for plane, tone in zip(planes, (1.0, 0.92, 0.86), strict=True):
            _lay(plane, faces, place.rows, part, np.full_like(glass, 235), glass[:, :, turned])
            _lay(plane, faces, place.rows, part, look["frame_tone"] * np.float32(tone), rim[:, :, turned])


def _mask(planes: Planes, face: Relief, look: Look, faces: NDArray[np.intp]) -> None:
    """A mask with pleats over nose, mouth and chin, and its ear loops."""
    u, v = _MASK.u, _MASK.v
    top = look["mask_top"] + 0.36 * u * u
    cloth = edge(v - top) * edge(0.82 * look["width"] - np.abs(u) + 0.12 * (1 - v))
    loops = line(v - top - 0.05, 0.03) * np.float32(0.9)
    share = np.maximum(cloth, loops * edge(np.abs(u) - 0.7))
    pleats = 1 - 0.12 * (line(v - 0.55, 0.05) + line(v - 0.75, 0.05) + line(v - 0.95, 0.05))
    for plane, shift in zip(planes, (-1.0, 0.2, 0.6), strict=True):
        colour = pleats * (look["mask_tone"] + look["mask_blue"] * np.float32(shift))
        _lay(plane, faces, _MASK.rows, _MASK.columns, colour, share)
    _lay(face.height, faces, _MASK.rows, _MASK.columns, np.zeros_like(share), share * np.float32(0.7))


def _strands(planes: Planes, face: Relief, look: Look, faces: NDArray[np.intp]) -> None:
    """Three strands that fall over forehead and eyes."""
    share = np.zeros((len(faces), _STRANDS.v.shape[1], _STRANDS.u.shape[2]), dtype=np.float32)
    for shift, bend in ((0.0, 0.3), (0.09, 0.22), (0.2, 0.42)):
        place = look["strand_place"] + np.float32(shift)
        end = look["strands"] * 0.9 - 0.5 - np.float32(shift)
        fall = _STRANDS.u - place * (0.6 + np.float32(bend) * _STRANDS.v * _STRANDS.v)
        np.maximum(share, line(fall, 1.6 / SCALE) * ramp((end - _STRANDS.v) * 6), out=share)
    for plane, colour in zip(planes, hair_colour(look), strict=True):
        _lay(plane, faces, _STRANDS.rows, _STRANDS.columns, np.broadcast_to(colour, share.shape), share)
