"""`bench.loadgen.pipeline`: files in, the outputs and answers that plain inputs would give, and times that add up."""

from __future__ import annotations

import time

import numpy as np
import pytest

from bench.backends.base import Tensor
from bench.loadgen.pipeline import PipelineSession, restart, total
from bench.models.end_to_end import ANSWER, CAMERA, FRAME, padded, reader
from bench.tasks.cameras import Cameras
from bench.tasks.pipelines import KeyFrames, Recordings

from .. import condensing
from ..filming import clip, straight
from ..fixtures import Arrays

WAVE = Tensor(name="wave", dtype="int16", shape=(50,))
SCORES = Tensor(name="scores", dtype="float32", shape=(3,))


class Summing:
    """Scores that depend on the wave; remembers the batches."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.seen: list[np.ndarray] = []
        self.closed = False
        self._delay_s = delay_s

    def run(self, batch: Arrays, out: Arrays) -> None:
        assert set(batch) == {"wave"}
        assert set(out) == {"scores"}
        wave = batch["wave"].astype(np.float64)
        self.seen.append(batch["wave"].copy())
        time.sleep(self._delay_s)
        out["scores"][:] = np.stack([wave.sum(1), -wave.sum(1), np.zeros(len(wave))], axis=1)

    def close(self) -> None:
        self.closed = True


def session(inner: Summing, most: int = 8, threads: int = 2) -> PipelineSession:
    return PipelineSession(inner, Recordings(), reader("command"), (WAVE,), (SCORES,), most, threads)


def waves(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-3000, 3000, (count, 50)).astype(np.int16)


def files(rows: np.ndarray) -> Arrays:
    return padded([Recordings().encode({"wave": row}) for row in rows])


def arrays(count: int) -> Arrays:
    return {"scores": np.full((count, 3), np.nan, np.float32), ANSWER: np.full(count, -7, np.int64)}


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 3, 8])
def test_answers_are_those_of_the_waves_in_the_files(threads: int, count: int) -> None:
    inner, rows, out = Summing(), waves(count), arrays(count)
    made = session(inner, threads=threads)
    made.run(files(rows), out)
    assert (inner.seen[0] == rows).all()
    sums = rows.astype(np.int64).sum(1)
    assert (out["scores"][:, 0] == sums).all()
    assert out[ANSWER].tolist() == [0 if value > 0 else 1 if value < 0 else 0 for value in sums]
    made.close()
    assert inner.closed


class Scripted(Summing):
    """The scores of three samples, one of which holds NaN."""

    SCORES = np.array([[0.0, 2.0, 1.0], [5.0, 0.0, 0.0], [np.nan, 1.0, 0.0]], np.float32)

    def run(self, batch: Arrays, out: Arrays) -> None:
        out["scores"][:] = self.SCORES


def test_the_answer_is_the_class_of_the_largest_output() -> None:
    out = arrays(3)
    session(Scripted()).run(files(waves(3)), out)
    assert out[ANSWER].tolist() == [1, 0, -1]


def test_outputs_that_are_the_answer_themselves_are_left_at_that() -> None:
    out = {"scores": arrays(3)["scores"]}
    PipelineSession(Scripted(), Recordings(), reader("verify"), (WAVE,), (SCORES,), 8, 1).run(files(waves(3)), out)
    np.testing.assert_array_equal(out["scores"], Scripted.SCORES)


def test_a_smaller_batch_after_a_larger_one_leaves_nothing_behind() -> None:
    inner = Summing()
    made = session(inner)
    made.run(files(waves(8, 1)), arrays(8))
    rows, out = waves(2, 2), arrays(2)
    made.run(files(rows), out)
    assert (inner.seen[1] == rows).all()
    assert (out["scores"][:, 0] == rows.astype(np.int64).sum(1)).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_file_that_cannot_be_read_is_raised(threads: int) -> None:
    batch = files(waves(3))
    batch["__encoded"][1] = 0
    with pytest.raises(Exception, match=r".+"):
        session(Summing(), threads=threads).run(batch, arrays(3))


def test_times_are_counted_by_stage_and_anew() -> None:
    made = session(Summing(delay_s=0.02), threads=1)
    batch = files(waves(4))
    begun = time.perf_counter_ns()
    for _ in range(3):
        made.run(batch, arrays(4))
    elapsed = time.perf_counter_ns() - begun
    counted = total([made, made])
    assert counted is not None
    assert counted.samples == 24
    assert counted.engine_ns >= 2 * 3 * 20_000_000
    assert 0 < counted.prepare_ns + counted.engine_ns + counted.answer_ns <= 2 * elapsed
    restart([made])
    assert made.stages().samples == made.stages().engine_ns == 0


def test_sessions_without_files_have_no_stages() -> None:
    assert total([Summing()]) is None
    restart([Summing()])


def test_what_a_task_condenses_is_read_inside_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    condensing.register(monkeypatch)
    inner = PipelineSession(Summing(), Recordings(), reader(condensing.TASK), (WAVE,), (SCORES,), 4, 1)
    rows, name = waves(4), f"{ANSWER}/{condensing.ANSWERS}"
    out: dict[str, np.ndarray] = {"scores": np.full((4, 3), np.nan, np.float32), name: np.full((4, 3), -7)}
    inner.run(files(rows), out)
    np.testing.assert_array_equal(out[name], condensing.condense({"scores": out["scores"]})[condensing.ANSWERS])
    assert inner.stages().answer_ns > 0


def test_frames_of_cameras_are_answered_as_their_pictures() -> None:
    pytest.importorskip("av")
    clips = (clip(1), clip(2))
    shown = np.concatenate([straight(one) for one in clips])

    class Seeing(Summing):
        def run(self, batch: Arrays, out: Arrays) -> None:
            self.seen.append(batch["image"].copy())
            out["scores"][:] = batch["image"].astype(np.float32).mean((2, 3))

    inner, image = Seeing(), Tensor(name="image", dtype="uint8", shape=(3, 24, 24))
    made = PipelineSession(
        inner, KeyFrames(192), reader("classify"), (image,), (SCORES,), most=8, threads=3, cameras=Cameras(clips)
    )
    asked = [(0, 3), (1, len(clips[0].packets) + 2), (0, 5), (2, 0), (0, 4)]
    batch = {CAMERA: np.array([one for one, _ in asked]), FRAME: np.array([number for _, number in asked])}
    out = {"scores": np.full((5, 3), np.nan, np.float32), ANSWER: np.full(5, -7, np.int64)}
    made.run(batch, out)
    expected = shown[[number for _, number in asked]]
    assert (inner.seen[0] == expected).all()
    assert out[ANSWER].tolist() == expected.astype(np.float32).mean((2, 3)).argmax(1).tolist()
    # The same session takes files, too: what its quality is measured with.
    picture = {"image": expected[0]}
    made.run(padded([KeyFrames(192).encode(picture)]), {name: array[:1] for name, array in out.items()})
    assert np.abs(inner.seen[1][0].astype(int) - expected[0]).mean() < 12
    assert made.stages().samples == 6
    made.close()
