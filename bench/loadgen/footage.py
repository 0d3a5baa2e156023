"""The films of a workload as clips: drawn and coded once, and kept in the cache for every later run.

A clip is written under another name and renamed when it is whole: who is killed in the middle leaves none, and of two
who make it at one time the last one's stays, which is the same.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bench.models.base import VideoSpec, Workload
from bench.models.end_to_end import BringsFilms, Filmed, Films, filmed
from bench.records.hashing import record_hash
from bench.records.job import Footage
from bench.store.files import write_bytes
from bench.store.places import cache_directory, ensure_writable
from bench.tasks.video import DECODER_THREADS, X264, Clip, as_clip, decoder_version, read_clip

# Seconds a pixel, generously: how long drawing and coding a clip should take at most, for who waits for it.
_PIXEL_S = 0.2e-6


def clips_of(workload: Films, announce: Callable[[float], None]) -> tuple[Clip, ...]:
    """The user's, or those that `spec.video` tells of, from the cache or made anew.

    `announce` is called before each that is made, with the seconds that it should take. Raises OSError where the cache
    cannot be written to, and PluginError.
    """
    if isinstance(workload, BringsFilms):
        return workload.clips
    video = _video(workload)
    clips = []
    for number, path in enumerate(_paths(workload)):
        if _kept(path, video) is None:
            announce(_PIXEL_S * video.frames * video.height * video.width)
            frames = itertools.islice(workload.film(number), video.frames)
            write_bytes(path, as_clip(frames, video.frames_per_s, video.key_every, video.bits_per_s))
        clip = _kept(path, video)
        if clip is None:
            raise ValueError(
                f"{path}: not the film that was to be made; is `footage` of {workload.spec.name} in order?"
            )
        clips.append(clip)
    return tuple(clips)


def ensure_footage(workloads: Iterable[Workload]) -> None:
    """Whether the films that are timed are there, or can be kept when they are made. Raises CannotWrite."""
    for workload in workloads:
        films = filmed(workload)
        if films is None or isinstance(films, BringsFilms):
            continue
        paths = _paths(films)
        if not all(path.is_file() for path in paths):
            ensure_writable(paths[0].parent, choose_by="BENCH_CACHE")


def said(clips: Sequence[Clip], video: VideoSpec) -> Footage:
    """What a record says of the clips: their form, what they hold, and what decodes them."""
    content = hashlib.sha256(b"".join(packet for clip in clips for packet in clip.packets))
    frames = sum(len(clip.packets) for clip in clips)
    return Footage(
        clips=len(clips),
        frames=frames,
        width=clips[0].width,
        height=clips[0].height,
        key_every=video.key_every,
        bits_per_s=round(8 * sum(map(len, (p for c in clips for p in c.packets))) * video.frames_per_s / frames),
        sha256=content.hexdigest(),
        decoder=decoder_version(),
        decoder_threads=DECODER_THREADS,
    )


def _video(workload: Filmed) -> VideoSpec:
    assert workload.spec.video is not None
    return workload.spec.video


def _paths(workload: Filmed) -> list[Path]:
    """One file for each clip, in a folder of its own for everything that decides what is in it."""
    video, name = _video(workload), workload.spec.name
    made_of = record_hash({"video": video, "version": workload.spec.version, "x264": X264, "by": decoder_version()})
    folder = cache_directory() / "videos" / f"{name}-{made_of.removeprefix('sha256:')[:16]}"
    return [folder / f"clip-{number:02d}.h264" for number in range(video.clips)]


def _kept(path: Path, video: VideoSpec) -> Clip | None:
    """The clip in a file; None where there is none, or not this one."""
    try:
        clip = read_clip(path) if path.is_file() else None
    except (OSError, ValueError):
        return None
    whole = clip is not None and (len(clip.packets), clip.width, clip.height) == (
        video.frames,
        video.width,
        video.height,
    )
    return clip if whole and clip is not None and clip.keys == tuple(range(0, video.frames, video.key_every)) else None
