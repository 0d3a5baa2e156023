"""`bench.tasks.video`: what goes in comes out, fitted as a slow mean fits it; what is no such film is refused."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.tasks.pipelines import KeyFrames
from bench.tasks.video import PADDING, Clip, Decoder, as_clip, as_key_frame, enlarged, letterboxed, read_clip

from ..filming import FRAMES, HEIGHT, KEY_EVERY, WIDTH, Image, clip, film_file, pictures

pytest.importorskip("av")


def shown(packet: bytes, height: int, width: int) -> NDArray[np.uint8]:
    pixels = np.zeros((3, height, width), np.uint8)
    letterboxed(Decoder().picture(packet), pixels)
    return pixels


def test_a_clip_has_a_picture_in_every_packet_and_its_key_frames_where_they_were_asked_for() -> None:
    made = clip(1)
    assert len(made.packets) == FRAMES
    assert made.keys == tuple(range(0, FRAMES, KEY_EVERY))
    assert (made.height, made.width) == (HEIGHT, WIDTH)
    decoder, wanted = Decoder(), pictures(1)
    for packet, picture in zip(made.packets, wanted, strict=True):
        pixels = np.zeros((3, HEIGHT, WIDTH), np.uint8)
        letterboxed(decoder.picture(packet), pixels)
        assert np.abs(pixels.astype(int) - picture.transpose(2, 0, 1)).mean() < 20  # noise is what a coder leaves out


def test_the_same_pictures_give_the_same_stream() -> None:
    assert as_clip(pictures(2), 25, KEY_EVERY, 300_000) == as_clip(pictures(2), 25, KEY_EVERY, 300_000)


@pytest.mark.parametrize("colour", [(200, 40, 90), (16, 235, 16), (0, 0, 0), (255, 255, 255), (30, 60, 250)])
def test_colours_stay_what_they_were(colour: tuple[int, int, int]) -> None:
    back = shown(as_key_frame(np.full((48, 48, 3), colour, np.uint8)), 24, 24)
    assert np.abs(back.astype(int) - np.array(colour)[:, None, None]).max() <= 3


@pytest.mark.parametrize(("height", "width"), [(24, 32), (12, 16), (32, 32), (24, 64), (20, 20)])
def test_a_picture_is_fitted_in_whole_and_every_pixel_is_a_mean(height: int, width: int) -> None:
    packet = as_key_frame(slopes())
    scale = min(height / HEIGHT, width / WIDTH)
    rows, columns = round(HEIGHT * scale), round(WIDTH * scale)
    top, left = (height - rows) // 2, (width - columns) // 2
    pixels = shown(packet, height, width)
    outside = np.ones((height, width), np.bool_)
    outside[top : top + rows, left : left + columns] = False
    assert (pixels[:, outside] == PADDING).all()
    full = Decoder().picture(packet).to_ndarray(format="rgb24", src_colorspace="ITU709").astype(np.float64)
    across, down = means(WIDTH, columns), means(HEIGHT, rows)
    expected = np.einsum("rh,hwc,kw->crk", down, full, across)
    seen = pixels[:, top : top + rows, left : left + columns]
    assert np.abs(seen - expected).mean() < 2
    assert np.abs(seen - expected).max() < 12


def slopes() -> Image:
    """A picture that changes slowly: colours are coded at half resolution, which only that leaves as they are."""
    down, across = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([60 + 3 * down, 220 - 2 * across, 70 + down + across], axis=-1).astype(np.uint8)


def means(many: int, few: int) -> NDArray[np.float64]:
    """Weights (few, many) by which each of a few takes the mean of the part that it covers; slow."""
    weights = np.zeros((few, many))
    for place in range(few):
        begin, end = place * many / few, (place + 1) * many / few
        for pixel in range(many):
            weights[place, pixel] = max(0.0, min(end, pixel + 1) - max(begin, pixel))
    return weights / weights.sum(axis=1, keepdims=True)


def test_a_picture_survives_its_key_frame() -> None:
    image = np.ascontiguousarray(pictures(4)[0].transpose(2, 0, 1))
    back = np.zeros_like(image)
    coder = KeyFrames(4 * HEIGHT)
    coder.prepare(coder.encode({"image": image}), {"image": back})
    assert np.abs(back.astype(int) - image).mean() < 8  # noise is what a coder leaves out


def test_enlarging_keeps_form_and_gives_even_sides() -> None:
    assert enlarged(np.zeros((3, 20, 33), np.uint8), 90).shape == (90, 148, 3)


def damaged(packet: bytes, how: str) -> bytes:
    if how == "short":
        return packet[: len(packet) // 2]
    if how == "zeros":
        return bytes(len(packet))
    return b""


@pytest.mark.parametrize("how", ["short", "zeros", "empty"])
@pytest.mark.parametrize("place", [0, 3])
def test_a_damaged_packet_is_a_value_error(how: str, place: int) -> None:
    made = clip(1)
    decoder = Decoder()
    for packet in made.packets[:place]:
        decoder.picture(packet)
    with pytest.raises(ValueError, match="damaged packet"):
        decoder.picture(damaged(made.packets[place], how))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, FRAMES - 1), st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=9))
def test_flipped_bits_are_a_picture_or_a_value_error(place: int, flips: list[tuple[float, int]]) -> None:
    """Not every one can be seen: what is wrong in a packet's last part may be another picture's right form."""
    made = clip(1)
    spoilt = bytearray(made.packets[place])
    for where, bits in flips:
        spoilt[int(where * (len(spoilt) - 1))] ^= bits
    decoder = Decoder()
    for packet in (*made.packets[:place], bytes(spoilt)):
        with contextlib.suppress(ValueError):
            assert decoder.picture(packet).width > 0


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_films_of_other_programs_are_read(container: str) -> None:
    file = film_file("libx264", pictures(5), container, bf="0", g="6", preset="ultrafast")
    found = read_clip(file)
    assert len(found.packets) == FRAMES
    decoder = Decoder()
    assert [decoder.picture(packet).height for packet in found.packets] == [HEIGHT] * FRAMES
    assert len(found.keys) > 1
    for key in found.keys:  # each can be begun with, by a decoder that has seen nothing
        assert Decoder().picture(found.packets[key]).width == WIDTH


def test_key_frames_get_the_parameters_that_only_the_first_one_had() -> None:
    made = clip(5)
    bare = list(made.packets)
    for key in made.keys[1:]:
        units = [unit for unit in bare[key].split(b"\0\0\1")[1:] if unit[0] & 0x1F not in (7, 8)]
        bare[key] = b"".join(b"\0\0\0\1" + unit.rstrip(b"\0") for unit in units)
        with pytest.raises(ValueError, match="damaged packet"):
            Decoder().picture(bare[key])
    found = read_clip(io.BytesIO(b"".join(bare)))
    assert found.keys == made.keys
    assert [Decoder().picture(found.packets[key]).width for key in found.keys] == [WIDTH] * len(made.keys)


@pytest.mark.parametrize(
    ("codec", "options", "complaint"),
    [
        ("mpeg4", {}, "the video is mpeg4, and H.264 is expected"),
        ("libx264", {"bf": "3", "b_strategy": "0"}, "B-frames"),
    ],
)
def test_films_that_no_camera_sends_are_refused(codec: str, options: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_clip(film_file(codec, pictures(6), **options))


@pytest.mark.parametrize("content", [b"", b"no film", bytes(5000)])
def test_what_is_no_film_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"FFmpeg cannot read it|no video|no key frame"):
        read_clip(io.BytesIO(content))


def test_a_film_that_begins_in_the_middle_is_refused() -> None:
    made = clip(1)
    with pytest.raises(ValueError, match=r"first picture is no key frame|FFmpeg cannot read it"):
        read_clip(io.BytesIO(b"".join(made.packets[1:5])))


def test_a_clip_is_a_plain_value() -> None:
    assert clip(7) == clip(7)
    assert isinstance(clip(7), Clip)
