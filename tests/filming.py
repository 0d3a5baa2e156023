"""Small films for tests: pictures that change, their clip, and what one decoder makes of it from beginning to end."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bench.tasks.video import Clip, Decoder, as_clip, letterboxed, read_clip

HEIGHT, WIDTH, FRAMES, KEY_EVERY = 48, 64, 16, 6
Image = NDArray[np.uint8]


def pictures(seed: int, frames: int = FRAMES) -> list[Image]:
    """A box that moves over a ground of its own, under noise."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3)).repeat(8, 0).repeat(8, 1)
    film = []
    for step in range(frames):
        picture = ground + rng.integers(-9, 10, ground.shape)
        picture[8:24, 3 * step : 3 * step + 12] = 250 - 60 * (seed % 4)
        film.append(np.clip(picture, 0, 255).astype(np.uint8))
    return film


def clip(seed: int, frames: int = FRAMES) -> Clip:
    return read_clip(io.BytesIO(as_clip(pictures(seed, frames), 25, KEY_EVERY, 300_000)))


def straight(played: Clip) -> NDArray[np.uint8]:
    """Every picture, (frames, 3, 24, 24), of a decoder that takes one packet after the other."""
    decoder, shown = Decoder(), np.zeros((len(played.packets), 3, 24, 24), np.uint8)
    for packet, pixels in zip(played.packets, shown, strict=True):
        letterboxed(decoder.picture(packet), pixels)
    return shown


def film_file(codec: str, frames: list[Image], container: str = "mp4", **options: str) -> io.BytesIO:
    """A file as other programs write it."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    file.seek(0)
    return file
