"""`bench.models.end_to_end`: the same samples as files, in arrays of one length."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bench.models.end_to_end import ANSWER, ENCODED, LENGTH, EndToEnd, NoPipeline, padded
from bench.models.opening import open_workload
from bench.models.suite import load_workload, workload_names
from bench.models.user_model import BadModel, UserWorkload
from bench.tasks import TASKS
from bench.tasks.pipelines import PIPELINES

from ..fixtures import tiny_onnx


@given(st.lists(st.binary(max_size=50), max_size=12))
def test_files_lie_behind_each_other_with_their_lengths(files: list[bytes]) -> None:
    arrays = padded(files)
    assert arrays[ENCODED].dtype == np.uint8
    assert arrays[ENCODED].shape == (len(files), max(map(len, files), default=0))
    assert [row[:n].tobytes() for row, n in zip(arrays[ENCODED], arrays[LENGTH], strict=True)] == files


def test_a_workload_of_the_suite_gives_the_files_of_its_own_samples() -> None:
    plain, files = load_workload("speech_command"), open_workload("speech_command", region="end_to_end")
    assert isinstance(files, EndToEnd)
    for inputs, own in (
        (files.load_inputs(3, 5), plain.load_inputs(3, 5)),
        (files.evaluation_inputs(np.array([4, 9])), plain.evaluation_inputs(np.array([4, 9]))),
    ):
        assert set(inputs) == {ENCODED, LENGTH}
        for row, length, wave in zip(inputs[ENCODED], inputs[LENGTH], own["waveform"], strict=True):
            back = np.empty_like(wave)
            files.pipeline.prepare(row[:length].tobytes(), {"waveform": back})
            assert (back == wave).all()
    assert (files.evaluation_labels(np.arange(9)) == plain.evaluation_labels(np.arange(9))).all()


def test_the_answer_stands_behind_the_outputs_and_the_network_is_unchanged() -> None:
    plain, files = load_workload("speech_command"), EndToEnd(load_workload("speech_command"))
    assert files.model() == plain.model()
    assert [tensor.name for tensor in files.spec.outputs] == ["logits", ANSWER]
    answering = files.answering(plain.model())
    assert answering.outputs == files.spec.outputs
    assert [tensor.name for tensor in answering.inputs] == [ENCODED, LENGTH]
    assert files.spec.quality == plain.spec.quality


def pictures(folder: Path) -> Path:
    """Five classes with two pictures each, of different sizes."""
    rng = np.random.default_rng(0)
    for label in "abcde":
        (folder / label).mkdir(parents=True)
        for number in range(2):
            size = (12 + 3 * number, 20, 3)
            Image.fromarray(rng.integers(0, 256, size, np.uint8)).save(folder / label / f"{number}.png")
    return folder


def test_a_users_files_are_taken_as_they_are_and_the_load_is_none_of_them(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "data")
    files = EndToEnd(UserWorkload(tiny_onnx(tmp_path / "m.onnx"), folder))
    own = [file.read_bytes() for file in sorted(folder.glob("*/*.png"))]
    evaluation = files.evaluation_inputs(np.arange(10))
    rows = zip(evaluation[ENCODED], evaluation[LENGTH], strict=True)
    assert [row[:length].tobytes() for row, length in rows] == own
    load = files.load_inputs(20, 3)
    loaded = [row[:n].tobytes() for row, n in zip(load[ENCODED], load[LENGTH], strict=True)]
    assert len(set(loaded)) == 20
    assert not set(loaded) & set(own)
    sizes = {Image.open(io.BytesIO(file)).size for file in loaded}
    assert sizes == {(20, 12), (20, 15)}
    assert all((load[name] == again).all() for name, again in files.load_inputs(20, 3).items())


def test_a_broken_file_is_named_before_the_clock_runs(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "data")
    (folder / "b" / "0.png").write_bytes(b"\x89PNG no more")
    files = EndToEnd(UserWorkload(tiny_onnx(tmp_path / "m.onnx"), folder))
    with pytest.raises(BadModel, match=r"b/0\.png"):
        files.evaluation_inputs(np.arange(10))
    with pytest.raises(BadModel, match=r"b/0\.png"):
        files.load_inputs(10, 0)


def test_a_users_model_without_files_has_no_end_to_end(tmp_path: Path) -> None:
    with pytest.raises(NoPipeline, match="--data"):
        EndToEnd(UserWorkload(tiny_onnx(tmp_path / "m.onnx"), None))


@pytest.mark.parametrize("task", sorted(PIPELINES))
def test_an_answer_is_read_where_each_sample_has_one(task: str) -> None:
    (name, *_) = [one for one in workload_names() if load_workload(one).spec.task == task]
    read = [tensor.name for tensor in EndToEnd(load_workload(name)).spec.outputs].count(ANSWER)
    assert read == TASKS[task].single_answers


def test_an_embedding_is_the_answer_itself() -> None:
    plain, files = load_workload("face_verify"), EndToEnd(load_workload("face_verify"))
    assert files.spec.outputs == plain.spec.outputs
    inputs = files.evaluation_inputs(np.array([0, 1]))
    back = np.zeros((3, 112, 112), np.uint8)
    files.pipeline.prepare(inputs[ENCODED][1, : inputs[LENGTH][1]].tobytes(), {"image": back})
    own = plain.evaluation_inputs(np.array([1]))["image"][0]
    assert np.abs(back.astype(int) - own).mean() < 12
