"""Workloads on cameras: what one borrows of another, and the films of `video_surveil`."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.models.end_to_end import ENCODED, LENGTH, EndToEnd, NoPipeline, filmed
from bench.models.suite import SuiteWorkload, load_workload
from bench.models.video_surveil.footage import HEIGHT, WIDTH, film
from bench.plugins import PluginError
from bench.records.untrusted import BadFile

from .. import watched

_BORROWED = ("task", "model", "int8", "inputs", "outputs", "varying", "quality")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return watched.write_workloads(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def tiny(packages: Path) -> Iterator[Path]:
    with watched.known(packages):
        yield packages


def both(lender: str, watcher: str) -> tuple[SuiteWorkload, SuiteWorkload]:
    first, second = load_workload(lender), load_workload(watcher)
    assert isinstance(first, SuiteWorkload)
    assert isinstance(second, SuiteWorkload)
    return first, second


def check_borrowed(lender: SuiteWorkload, watcher: SuiteWorkload) -> None:
    assert watcher.spec.network_of == lender.spec.name
    assert all(getattr(watcher.spec, field) == getattr(lender.spec, field) for field in _BORROWED)
    assert watcher.model() == lender.model()
    some = np.array([0, 5, 7])
    assert (watcher.evaluation_labels(some) == lender.evaluation_labels(some)).all()
    for own, others in (
        (watcher.evaluation_inputs(some), lender.evaluation_inputs(some)),
        (watcher.load_inputs(3, 4), lender.load_inputs(3, 4)),
    ):
        assert all((own[name] == others[name]).all() for name in others)
        assert set(own) == set(others)


def test_all_but_load_and_films_is_the_lenders(tiny: Path) -> None:
    lender, watcher = both(watched.LENDER, watched.WATCHER)
    check_borrowed(lender, watcher)
    assert watcher.spec.name == watched.WATCHER
    assert (lender.spec.load.samples, watcher.spec.load.samples) == (16, 8)
    assert lender.spec.video is None
    assert watcher.spec.video is not None
    pictures = list(watcher.film(1))
    assert np.shape(pictures) == (watched.FRAMES, watched.HEIGHT, watched.WIDTH, 3)


def test_the_suites_cameras_run_its_detector() -> None:
    check_borrowed(*both("object_detect", "video_surveil"))
    lender, watcher = both("object_detect", "video_surveil")
    stored, own = lender.reference(), watcher.reference()
    assert stored is not None
    assert own is not None
    assert (own.value, own.evaluation_sha256) == (stored.value, stored.evaluation_sha256)
    assert watcher.spec.scenarios["streams"].latency_bound_ms == 100
    video = watcher.spec.video
    assert video is not None
    assert (video.height, video.width, video.frames_per_s) == (HEIGHT, WIDTH, 25)


@pytest.mark.parametrize("lender", [watched.WATCHER, "tiny_camera", "tiny_other"])
def test_who_has_no_network_lends_none(tiny: Path, tmp_path: Path, lender: str) -> None:
    """Itself, nobody, and one that borrows of the first."""
    known = tiny / "tiny-1.0.dist-info" / "entry_points.txt"
    text, own = known.read_text(), tiny / watched.WATCHER / "workload.toml"
    before = own.read_text()
    other = tiny / "tiny_other"
    other.mkdir(exist_ok=True)
    (other / "__init__.py").write_text("")
    (other / "workload.toml").write_text(
        before.replace(watched.WATCHER, "tiny_other").replace(watched.LENDER, watched.WATCHER)
    )
    known.write_text(f"{text}tiny_other = tiny_other\n")
    own.write_text(before.replace('network_of = "tiny_scene"', f'network_of = "{lender}"'))
    try:
        with pytest.raises(
            PluginError, match=r"a network is wanted of this workload|There is no workload 'tiny_camera'"
        ):
            load_workload(watched.WATCHER)
    finally:
        own.write_text(before)
        known.write_text(text)


def test_what_is_the_lenders_alone_is_refused_in_a_borrowers_file(tiny: Path) -> None:
    own = tiny / watched.WATCHER / "workload.toml"
    before = own.read_text()
    own.write_text(before + '[quality]\nmetric = "top1"\nevaluation_samples = 1\nquick_samples = 1\n')
    try:
        with pytest.raises(BadFile, match="quality"):
            load_workload(watched.WATCHER)
    finally:
        own.write_text(before)


def test_pictures_for_quality_are_key_frames_of_the_cameras_height(tiny: Path) -> None:
    pytest.importorskip("av")
    _, watcher = both(watched.LENDER, watched.WATCHER)
    files = EndToEnd(watcher)
    assert filmed(files) is watcher
    assert filmed(watcher) is None
    some = np.arange(6)
    encoded = files.evaluation_inputs(some)
    from bench.tasks.video import Decoder

    for row, length, own in zip(
        encoded[ENCODED], encoded[LENGTH], watcher.evaluation_inputs(some)["image"], strict=True
    ):
        packet = row[:length].tobytes()
        assert Decoder().picture(packet).height == watched.HEIGHT
        back = np.zeros_like(own)
        files.pipeline.prepare(packet, {"image": back})
        assert np.abs(back.astype(int) - own).mean() < 12


def test_without_a_decoder_nothing_is_watched(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "av" else found(name, *more))
    with pytest.raises(NoPipeline, match=r"PyAV.*pip install 'inference-bench\[video\]'"):
        EndToEnd(load_workload(watched.WATCHER))


_DIGEST = """
import hashlib
from itertools import islice
from bench.models.video_surveil.footage import film
print(hashlib.sha256(b"".join(picture.tobytes() for picture in islice(film(3, 50), 2))).hexdigest())
"""


def test_a_film_is_a_function_of_its_number() -> None:
    told = [
        subprocess.run([sys.executable, "-c", _DIGEST], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert told[0] == told[1]
    first, second = (next(film(number, 1)) for number in (0, 1))
    assert first.shape == second.shape == (HEIGHT, WIDTH, 3)
    assert first.dtype == np.uint8
    assert np.abs(first.astype(int) - second).mean() > 5


def test_things_move_and_the_ground_stays() -> None:
    frames = list(film(0, 3))
    change = np.abs(frames[2].astype(int) - frames[0]).max(axis=2)
    assert 0.001 < (change > 60).mean() < 0.2
    assert np.median(change) < 20
