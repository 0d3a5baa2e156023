"""`bench run` on cameras: films decoded inside the clock, through the whole program."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from bench.loadgen.playing import playing
from bench.records.effort import EFFORTS
from bench.records.job import Job
from bench.records.plan import Measurement
from bench.store.timeline_file import read_timeline
from bench.tasks.video import read_clip

from .. import watched
from ..filming import film_file, pictures
from .things import Command, codes, complaint, document, only_run

pytest.importorskip("av")
REGION = ("--timed-region", "end_to_end")
FLAGS = ("run", "--workload", watched.WATCHER, "--format", "json")
# Cameras of 200 frames per second: a hundred of each are over in half a second.
STREAMS = ("--scenario", "streams", "--fps", "200", "--latency-bound-ms", "2000")
THREE = (*STREAMS, "--channels", "3")
WRONG = {"output-mismatch", "queries-failed", "repetition-failed", "non-finite-output"}
LENGTHS = [watched.FRAMES] * watched.CLIPS


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return watched.write_workloads(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def watch(bench: Command, packages: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`bench` that knows the tiny cameras, here and in its children."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(packages), os.environ.get("PYTHONPATH", "")]))
    with watched.known(packages):
        yield bench


def folder_of(tmp_path: Path, scenario: str) -> Path:
    return only_run(tmp_path / "results") / f"{watched.WATCHER}.{scenario}.fp32"


def job_of(folder: Path) -> Job:
    """As much of the job as says what was played; it is not kept itself."""
    seed = document(folder / "trial-00" / "trial.json")["seed"]
    measurement = msgspec.convert(document(folder / "record.json")["measurement"], Measurement)
    assert isinstance(seed, int)
    return Job(
        measurement=measurement, backend="", device="", effort=EFFORTS["quick"], seed=seed, quality=False, folder=""
    )


def test_each_query_is_a_frame_of_its_camera(watch: Command, tmp_path: Path) -> None:
    outcome = watch(*FLAGS, *THREE, *REGION)
    assert outcome.code in (0, 11), outcome
    folder = folder_of(tmp_path, "streams")
    record, table = document(folder / "record.json"), read_timeline(folder / "trial-00" / "timeline.parquet")
    camera: NDArray[np.int32] = table["stream"].astype(np.int32)
    assert np.bincount(camera).tolist() == [100, 100, 100]
    assert table["sample"].tolist() == playing(job_of(folder), LENGTHS).of(camera).tolist()
    stages, footage = record["stages"], record["footage"]
    assert isinstance(stages, dict)
    assert isinstance(footage, dict)
    assert stages["samples"] > 200
    assert stages["prepare_ns"] > 0
    assert (footage["clips"], footage["frames"]) == (watched.CLIPS, watched.CLIPS * watched.FRAMES)
    assert not {*WRONG, "inference-only"} & codes(folder / "record.json")
    shown = watch("show", folder, "--lang", "zh")
    assert shown.code == 0
    assert "摄像机视频" in shown.out
    assert str(footage["sha256"])[:16] in shown.out


def test_channels_without_decoding_say_so(watch: Command, tmp_path: Path) -> None:
    outcome = watch(*FLAGS, *THREE)
    assert outcome.code in (0, 11), outcome
    file = folder_of(tmp_path, "streams") / "record.json"
    assert "inference-only" in codes(file)
    assert document(file).get("footage") is None
    assert not (tmp_path / "cache" / "videos").exists()


@pytest.mark.full
def test_a_search_changes_the_number_of_cameras_on_one_lane(watch: Command, tmp_path: Path) -> None:
    outcome = watch(*FLAGS, *STREAMS, *REGION)
    assert outcome.code in (0, 11), outcome
    file = folder_of(tmp_path, "streams") / "record.json"
    search = document(file)["search"]
    assert isinstance(search, dict)
    assert len({trial["rate_per_s"] for trial in search["trials"]}) > 1
    assert not WRONG & codes(file)


@pytest.mark.parametrize(("scenario", "flags"), [("offline", ("--workers", 2)), ("multi_stream", ())])
def test_other_loads_take_the_cameras_in_turns(
    watch: Command, tmp_path: Path, scenario: str, flags: tuple[object, ...]
) -> None:
    outcome = watch(*FLAGS, "--scenario", scenario, *flags, *REGION)
    assert outcome.code in (0, 11), outcome
    folder = folder_of(tmp_path, scenario)
    table, (_, frame) = (
        read_timeline(folder / "trial-00" / "timeline.parquet"),
        playing(job_of(folder), LENGTHS).in_turns(),
    )
    rows = table["batch"].astype(np.int64)
    assert (table["sample"] == frame[np.arange(len(rows)) % len(frame)]).all()
    assert not WRONG & codes(folder / "record.json")


def test_a_damaged_film_is_a_finding(watch: Command, tmp_path: Path) -> None:
    assert watch(*FLAGS, *THREE, *REGION).code in (0, 11)
    film = next((tmp_path / "cache" / "videos").rglob("*.h264"))
    content, packet = film.read_bytes(), read_clip(film).packets[4]
    film.write_bytes(content.replace(packet, packet[:12] + b"\xff" * (len(packet) - 12)))
    assert len(read_clip(film).packets) == watched.FRAMES
    outcome = watch(*FLAGS, *THREE, *REGION, "-o", tmp_path / "again")
    assert outcome.code == 11, outcome
    assert "Traceback" not in outcome.err
    file = only_run(tmp_path / "again") / f"{watched.WATCHER}.streams.fp32" / "record.json"
    assert "repetition-failed" in codes(file)
    assert "a damaged packet of video" in str(document(file)["findings"])


def test_without_a_decoder_there_is_one_line(watch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.models.end_to_end.has_decoder", lambda: False)
    outcome = watch(*FLAGS, *THREE, *REGION)
    assert outcome.code == 2
    assert "pip install 'inference-bench[video]'" in complaint(outcome)
    assert not (tmp_path / "results").exists()


def test_a_cache_that_cannot_be_written_to_is_one_line(
    watch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full").write_text("a file")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "full"))
    outcome = watch(*FLAGS, *THREE, *REGION)
    assert outcome.code == 2
    assert "BENCH_CACHE" in complaint(outcome)


def test_a_borrower_is_checked_and_its_lender_brought_up_to_date(watch: Command) -> None:
    outcome = watch("workload", "check", watched.WATCHER)
    assert outcome.code == 0, outcome
    refused = watch("workload", "refresh", watched.WATCHER)
    assert refused.code == 2
    assert f"{watched.WATCHER} has the network of {watched.LENDER}" in complaint(refused)


def test_the_users_own_films_are_watched(watch: Command, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    for seed, frames in ((1, 9), (2, 16)):
        film = film_file("libx264", pictures(seed, frames), "mp4", bf="0", g="5", preset="ultrafast")
        (films / f"{seed}.mp4").write_bytes(film.getvalue())
    outcome = watch(*FLAGS, *THREE, *REGION, "--data", films, "--agreement")
    assert outcome.code in (0, 11), outcome
    folder = folder_of(tmp_path, "streams")
    table, record = read_timeline(folder / "trial-00" / "timeline.parquet"), document(folder / "record.json")
    assert table["sample"].tolist() == playing(job_of(folder), (9, 16)).of(table["stream"].astype(np.int32)).tolist()
    footage, quality = record["footage"], record["quality"]
    assert isinstance(footage, dict)
    assert isinstance(quality, dict)
    assert (footage["clips"], footage["frames"]) == (2, 25)
    assert (quality["metric"], quality["samples"], quality["value"]) == ("agreement", 2 + 4, 1.0)
    assert not WRONG & codes(folder / "record.json")
    assert not (tmp_path / "cache" / "videos").exists()
