"""`bench.models.user_films`: the user's own films on cameras, and each film that cannot be used named in one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.models import user_films
from bench.models.end_to_end import ENCODED, LENGTH, EndToEnd, film_lengths, filmed
from bench.models.opening import open_workload
from bench.models.unlabelled import Unlabelled
from bench.models.user_files import BadModel
from bench.models.user_films import UserFilms, films_in
from bench.records.plan import RunPlan
from bench.tasks.pipelines import KeyFrames
from bench.tasks.video import read_clip

from .. import watched
from ..filming import film_file, pictures

pytest.importorskip("av")
PLAIN = {"bf": "0", "g": "5", "preset": "ultrafast"}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return watched.write_workloads(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def tiny(packages: Path) -> Iterator[None]:
    with watched.known(packages):
        yield


def write_films(folder: Path) -> Path:
    """A film of 16 frames and one of 9, in different containers, and what is none beside them."""
    (folder / "gate").mkdir(parents=True)
    (folder / "gate" / "b.mkv").write_bytes(film_file("libx264", pictures(1, 9), "matroska", **PLAIN).getvalue())
    (folder / "a.MP4").write_bytes(film_file("libx264", pictures(2), "mp4", **PLAIN).getvalue())
    (folder / "notes.txt").write_text("no film")
    return folder


def opened(folder: Path, region: str = "end_to_end") -> object:
    plan = RunPlan(workloads=(watched.WATCHER,), data=str(folder), agreement=True)
    return open_workload(watched.WATCHER, plan, region)  # type: ignore[arg-type]


def test_the_users_films_are_played_and_their_key_frames_answered(tiny: None, tmp_path: Path) -> None:
    folder = write_films(tmp_path / "films")
    assert [file.name for file in films_in(folder)] == ["a.MP4", "b.mkv"]
    files = opened(folder)
    assert isinstance(files, EndToEnd)
    films = filmed(files)
    assert isinstance(films, UserFilms)
    assert film_lengths(films) == (16, 9)
    assert films.clips == tuple(read_clip(file) for file in films_in(folder))
    assert files.spec.quality.evaluation_samples == 4 + 2  # a key frame in five
    assert files.spec.quality.metric == "agreement"
    indices = np.array([0, 3, 5])
    encoded, inputs = files.evaluation_inputs(indices), films.evaluation_inputs(indices)["image"]
    key_frames = [films.clips[0].packets[0], films.clips[0].packets[15], films.clips[1].packets[5]]
    for row, length, pixels, packet in zip(encoded[ENCODED], encoded[LENGTH], inputs, key_frames, strict=True):
        assert row[:length].tobytes() == packet
        expected = np.zeros_like(pixels)
        KeyFrames(48).prepare(packet, {"image": expected})
        assert (pixels == expected).all()
    assert len({pixels.tobytes() for pixels in inputs}) == 3


def test_pictures_are_answered_and_the_workloads_films_played(tiny: None, tmp_path: Path) -> None:
    from PIL import Image

    for number in range(3):
        Image.fromarray(pictures(number)[0]).save(tmp_path / f"{number}.png")
    files = opened(tmp_path)
    assert isinstance(files, EndToEnd)
    assert isinstance(files.plain, Unlabelled)
    films = filmed(files)
    assert films is not None
    assert film_lengths(films) == (watched.FRAMES,) * watched.CLIPS
    assert np.shape(next(files.plain.film(0))) == (watched.HEIGHT, watched.WIDTH, 3)


@pytest.mark.parametrize("region", ["end_to_end", "host_to_host"])
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "FFmpeg cannot read it"),
        (film_file("libx264", pictures(3), "mp4", **PLAIN).getvalue()[:900], "FFmpeg cannot read it"),
        (film_file("libx264", pictures(3), "mp4", bf="2", b_strategy="0").getvalue(), "B-frames"),
        (film_file("mpeg4", pictures(3), "mp4").getvalue(), "the video is mpeg4"),
    ],
    ids=["empty", "cut", "B-frames", "MPEG-4"],
)
def test_a_film_that_cannot_be_used_is_named(
    tiny: None, tmp_path: Path, content: bytes, complaint: str, region: str
) -> None:
    folder = write_films(tmp_path / "films")
    (folder / "z.mp4").write_bytes(content)
    with pytest.raises(BadModel, match=rf"z\.mp4: the film cannot be used: .*{complaint}.*ffmpeg -i") as told:
        opened(folder, region)
    assert "\n" not in str(told.value)


def test_films_that_memory_cannot_hold_are_refused(tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_films, "_MOST_BYTES", 1000)
    with pytest.raises(BadModel, match="fewer or shorter"):
        opened(write_films(tmp_path / "films"))


def test_without_a_decoder_no_film_is_read(tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_films, "has_decoder", lambda: False)
    with pytest.raises(BadModel, match=r"pip install 'inference-bench\[video\]'"):
        opened(write_films(tmp_path / "films"))
