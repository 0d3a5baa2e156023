"""H.264 as cameras send it: pictures and clips coded and decoded, and pictures fitted into a network's input.

PyAV, which carries FFmpeg, does it all. It is an extra, imported where it is used. Encoding is never timed.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter

MISSING = "PyAV, which decodes video, is not installed: `pip install 'inference-bench[video]'`."
# Grey, as detectors are usually padded.
PADDING = 114
DECODER_THREADS = 1
# As cameras code: High profile, no pictures from the future (B-frames), one reference, no look ahead, one slice. With
# one thread the stream does not depend on the machine.
X264 = {
    "preset": "veryfast",
    "tune": "zerolatency",
    "profile": "high",
    "x264-params": "bframes=0:ref=1:scenecut=0:open-gop=0:sliced-threads=0:threads=1:repeat-headers=1",
}
# Key frames of single pictures have about the bits per pixel (0.4) of those in a clip at 4 Mbit/s.
_KEY_FRAME_CRF = 29
_PARAMETER_SETS = (7, 8)  # units of a stream that say how pictures are coded
_BT709, _LIMITED = 1, 1  # colour of high definition, as ITU-T H.273 numbers it

Image = NDArray[np.uint8]
_of_thread = threading.local()


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """A coded film without sound: its packets in order, one picture each, and which of them are key frames.

    The first is one. Packets are as H.264 goes over a wire (Annex B), and each key frame has all that a decoder needs.
    """

    packets: tuple[bytes, ...]
    keys: tuple[int, ...]
    width: int
    height: int


def has_decoder() -> bool:
    """Whether PyAV is installed."""
    return importlib.util.find_spec("av") is not None


def decoder_version() -> str:
    """PyAV and the library in it that decodes."""
    import av

    return f"PyAV {av.__version__}, libavcodec {'.'.join(map(str, av.library_versions['libavcodec']))}"


def as_clip(frames: Iterable[Image], frames_per_s: int, key_every: int, bits_per_s: int) -> bytes:
    """Pictures (height, width, 3), RGB, as a stream of H.264 with a key frame every so many; sides must be even.

    The rate is held within every second, as a network needs it.
    """
    kbits = bits_per_s // 1000
    rate = f"bitrate={kbits}:vbv-maxrate={kbits}:vbv-bufsize={kbits}:keyint={key_every}:min-keyint={key_every}"
    return b"".join(_encoded(frames, frames_per_s, rate))


def as_key_frame(picture: Image) -> bytes:
    """A picture (height, width, 3), RGB, as the single key frame of a stream; sides must be even."""
    (packet,) = _encoded([picture], 25, f"crf={_KEY_FRAME_CRF}:keyint=1")
    return packet


def read_clip(file: Path | BinaryIO) -> Clip:
    """The film in a file. Raises ValueError, half a sentence, for what is none that a camera's decoder could follow."""
    import av
    from av.bitstream import BitStreamFilterContext

    try:
        with av.open(str(file) if isinstance(file, Path) else file, "r") as container:
            if not container.streams.video:
                raise ValueError("there is no video in it")
            stream = container.streams.video[0]
            context = stream.codec_context
            if context.name != "h264":
                raise ValueError(f"the video is {context.name}, and H.264 is expected")
            unpack = BitStreamFilterContext("h264_mp4toannexb", stream)
            found = [whole for packet in container.demux(stream) if packet.size for whole in unpack.filter(packet)]
            width, height = context.width, context.height
    except av.error.FFmpegError as error:
        raise ValueError(f"FFmpeg cannot read it: {error.strerror}") from None
    keys = tuple(place for place, packet in enumerate(found) if packet.is_keyframe)
    if not keys or keys[0] != 0:
        raise ValueError("its first picture is no key frame")
    shown = [packet.pts for packet in found if packet.pts is not None]
    if shown != sorted(shown):
        raise ValueError("some of its pictures need later ones (B-frames), for which no camera could wait")
    packets = [bytes(packet) for packet in found]
    for place in keys:
        packets[place] = _with_parameters(packets[place], packets[0])
    return Clip(packets=tuple(packets), keys=keys, width=width, height=height)


def _with_parameters(key_frame: bytes, first: bytes) -> bytes:
    """A key frame behind the parameter sets of the film's first one, where it has none of its own."""
    if _parameters(key_frame):
        return key_frame
    return b"".join(b"\0\0\0\1" + unit for unit in _parameters(first)) + key_frame


def _parameters(packet: bytes) -> list[bytes]:
    units = packet.split(b"\0\0\1")[1:]
    return [unit.rstrip(b"\0") for unit in units if unit and unit[0] & 0x1F in _PARAMETER_SETS]


class Decoder:
    """One camera's decoder, with one thread; for one thread at a time."""

    def __init__(self) -> None:
        import av

        context: VideoCodecContext = av.CodecContext.create("h264", "r")
        context.thread_count = DECODER_THREADS
        context.options = {"flags": "low_delay", "err_detect": "explode"}
        self._context, self._packet = context, av.Packet
        self._error = av.error.FFmpegError

    def picture(self, packet: bytes) -> VideoFrame:
        """The picture of the next packet. Raises ValueError where it is damaged, or what it needs was not decoded."""
        try:
            found = self._context.decode(self._packet(packet))
        except self._error as error:
            raise ValueError(f"a damaged packet of video: {error.strerror}") from None
        if len(found) != 1 or found[0].is_corrupt:
            raise ValueError(f"a damaged packet of video: {len(found)} whole pictures in {len(packet)} bytes")
        return found[0]

    def restart(self) -> None:
        """Forget what was decoded; the next packet is a key frame."""
        self._context.flush_buffers()


def letterboxed(picture: VideoFrame, pixels: NDArray[np.generic]) -> None:
    """Fit a decoded picture into `pixels` (3, height, width), RGB: as large as goes in, in the middle, grey beside it.

    Every pixel is the mean of those that it covers (swscale's `area`), in one thread.
    """
    height, width = pixels.shape[1:]
    scale = min(height / picture.height, width / picture.width)
    rows, columns = max(1, round(picture.height * scale)), max(1, round(picture.width * scale))
    top, left = (height - rows) // 2, (width - columns) // 2
    if (rows, columns) != (height, width):
        pixels[:] = PADDING
    small = _reformatter().reformat(
        picture, width=columns, height=rows, format="gbrp", interpolation="AREA", threads=DECODER_THREADS
    )
    for plane, channel in zip(small.planes, (1, 2, 0), strict=True):
        levels = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        pixels[channel, top : top + rows, left : left + columns] = levels[:rows, :columns]


def enlarged(picture: Image, height: int) -> Image:
    """(3, h, w) as (height, width, 3) of the same form by cubic interpolation; sides even."""
    from PIL import Image as Pictures

    width = round(picture.shape[2] * height / picture.shape[1] / 2) * 2
    image = Pictures.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0)))
    return np.asarray(image.resize((width, height), Pictures.Resampling.BICUBIC), np.uint8)


def _encoded(frames: Iterable[Image], frames_per_s: int, rate: str) -> Iterator[bytes]:
    import av
    from av.video.reformatter import ColorRange, Colorspace

    encoder: VideoCodecContext | None = None
    for number, pixels in enumerate(frames):
        if encoder is None:
            encoder = av.CodecContext.create("libx264", "w")
            encoder.height, encoder.width = pixels.shape[:2]
            encoder.pix_fmt, encoder.thread_count = "yuv420p", 1
            encoder.framerate, encoder.time_base = Fraction(frames_per_s), Fraction(1, frames_per_s)
            encoder.colorspace, encoder.color_range = _BT709, _LIMITED
            encoder.options = {**X264, "x264-params": f"{X264['x264-params']}:{rate}"}
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG, threads=1
        )
        frame.pts = number
        yield from map(bytes, encoder.encode(frame))
    if encoder is not None:
        yield from map(bytes, encoder.encode(None))


def _reformatter() -> VideoReformatter:
    """One per thread: it keeps its tables from picture to picture, and is for one thread at a time."""
    from av.video.reformatter import VideoReformatter

    kept: VideoReformatter | None = getattr(_of_thread, "reformatter", None)
    if kept is None:
        kept = _of_thread.reformatter = VideoReformatter()
    return kept
