"""What stands between a surface and its picture: light, dirt, colour, focus, things in the way and sensor noise.

It knows nothing of the classes, so that none of it can give the class away.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.models.image_classify.canvas import SIZE, Draws, Field, Space, Surface, fractal

_AXIS = np.arange(SIZE, dtype=np.float32) * np.float32(2 / SIZE) - np.float32(1)


def photograph(draw: Draws, space: Space, surface: Surface) -> NDArray[np.uint8]:
    """Return the picture (3, 224, 224) of `surface` as a cheap camera on a bad day takes it."""
    hardship = draw.uniform(0.0, 1.0)
    light = _light(draw)
    if surface.height is not None:
        light *= _relief(draw, space, surface.height)
    dirt = fractal(draw, draw.uniform(0.45, 0.7))
    paint = surface.paint + dirt * np.float32(draw.uniform(0.03, 0.06 + 0.1 * hardship))
    light *= 1 + np.float32(draw.uniform(0.0, 0.12)) * dirt[::-1, ::-1]
    for _ in range(draw.integer(2 + int(3.5 * hardship))):
        paint, light = _blur(paint), _blur(light)
    picture = _colour(draw, paint, hardship)
    picture *= light
    for _ in range(draw.integer(4)):
        _cover(draw, picture)
    _expose(draw, picture, hardship)
    _sensor(draw, picture, hardship)
    np.clip(picture, 0, 255, out=picture)
    return picture.astype(np.uint8)


def _light(draw: Draws) -> Field:
    """Brightness (224, 224) around 1: a slope and a bright or dark middle."""
    across = np.float32(draw.uniform(-0.35, 0.35)) * _AXIS + np.float32(draw.uniform(-0.25, 0.1)) * _AXIS * _AXIS
    along = np.float32(draw.uniform(-0.35, 0.35)) * _AXIS + np.float32(draw.uniform(-0.25, 0.1)) * _AXIS * _AXIS
    field: Field = (1 + across)[None, :] + along[:, None]
    return field


def _relief(draw: Draws, space: Space, height: Field) -> Field:
    """Shading of slopes that face the lamp or turn away from it."""
    half = draw.uniform(-1.0, 1.0)
    sign = 1 if draw.chance(0.5) else -1
    strength = draw.uniform(0.05, 0.2) / space.pixel
    limit = np.float32(strength * 4 * space.pixel)
    east = np.float32(strength * sign * (1 - half * half) / (1 + half * half))
    south = np.float32(strength * sign * 2 * half / (1 + half * half))
    shade = np.zeros_like(height)
    shade[:, 1:] = (height[:, 1:] - height[:, :-1]) * east
    shade[1:] += (height[1:] - height[:-1]) * south
    np.clip(shade, -limit, limit, out=shade)
    shade += 1
    return shade


def _blur(field: Field) -> Field:
    """One pass of the 1-2-1 kernel along both axes; the rim stays as it is."""
    result = field.copy()
    result[1:-1] += (field[:-2] - 2 * field[1:-1] + field[2:]) * np.float32(0.25)
    field = result.copy()
    result[:, 1:-1] += (field[:, :-2] - 2 * field[:, 1:-1] + field[:, 2:]) * np.float32(0.25)
    return result


def _colour(draw: Draws, paint: Field, hardship: float) -> Field:
    """Paint the dark and the bright end in two random colours of moderate saturation; (3, 224, 224)."""
    contrast = draw.uniform(70.0, 185.0) * (1.0 - 0.45 * hardship)
    middle = draw.uniform(85.0, 165.0)
    picture = np.empty((3, SIZE, SIZE), dtype=np.float32)
    hue, tint = draw.uniform(-1, 1), draw.uniform(-1, 1)
    for channel, (warm, green) in enumerate(((1.0, -0.4), (0.0, 0.8), (-1.0, -0.4))):
        shift = 32.0 * (hue * warm + 0.5 * tint * green)
        gain = contrast * (1 + 0.25 * draw.uniform(-1, 1))
        np.multiply(paint, np.float32(gain), out=picture[channel])
        picture[channel] += np.float32(middle + shift - 0.5 * gain)
    return picture


def _cover(draw: Draws, picture: Field) -> None:
    """Put a bar or a disc with a soft rim somewhere over the picture."""
    x, y = draw.uniform(-0.1, 1.1) * SIZE, draw.uniform(-0.1, 1.1) * SIZE
    reach = draw.uniform(10.0, 38.0)
    half, thin = draw.uniform(-1.0, 1.0), draw.uniform(0.25, 1.0)
    cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    left, right = max(0, int(x - 1.5 * reach)), min(SIZE, int(x + 1.5 * reach))
    top, bottom = max(0, int(y - 1.5 * reach)), min(SIZE, int(y + 1.5 * reach))
    round_shape, alpha = draw.chance(0.5), draw.uniform(0.5, 1.0)
    colours = [draw.uniform(10.0, 240.0) for _ in range(3)]
    if right <= left or bottom <= top:
        return
    dx = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(x)
    dy = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)
    along = np.abs(dx * np.float32(cosine) + dy * np.float32(sine))
    across = np.abs(dy * np.float32(cosine) - dx * np.float32(sine)) * np.float32(1 / thin)
    distance = np.sqrt(along * along + across * across) if round_shape else np.maximum(along, across)
    mask = np.clip((np.float32(reach) - distance) * np.float32(0.4), 0, 1) * np.float32(alpha)
    window = picture[:, top:bottom, left:right]
    for channel, colour in enumerate(colours):
        window[channel] += (np.float32(colour) - window[channel]) * mask


def _expose(draw: Draws, picture: Field, hardship: float) -> None:
    """Under- or over-expose."""
    picture *= np.float32(1 + draw.uniform(-0.35, 0.25) * (0.4 + hardship))


def _sensor(draw: Draws, picture: Field, hardship: float) -> None:
    """Add grey and coloured noise and the half that makes truncation round."""
    grey = draw.noise(SIZE, SIZE)
    grey *= np.float32(draw.uniform(2.0, 6.0 + 26.0 * hardship * hardship))
    coloured = draw.noise(3, SIZE, SIZE)
    coloured *= np.float32(draw.uniform(1.0, 4.0 + 14.0 * hardship * hardship))
    coloured += grey + np.float32(0.5)
    picture += coloured
