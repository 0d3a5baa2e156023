"""Utterances, network, files and reference of `speech_recognize`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load_file

from bench.models.base import WorkloadSpec
from bench.models.graph import forms_of, graph_statistics, model_hash
from bench.models.making.reference import evaluation_digest
from bench.models.speech_command import voices as command_voices
from bench.models.speech_command.acoustics import generator
from bench.models.speech_recognize import data, voices
from bench.models.speech_recognize.clips import load_voices
from bench.models.speech_recognize.grammar import Draws, cardinal
from bench.models.speech_recognize.utterances import FRAME, LEAST, MOST, RATE, utter
from bench.models.speech_recognize.words import CHARACTERS, IDS, encode
from bench.models.suite import load_workload, reference_root
from bench.records.untrusted import read_toml
from bench.scoring.transcription import transcript
from bench.tasks.base import RAW_SAMPLES
from bench.tasks.recognise import best_path

from .shipping import digest

FOLDER = Path(data.__file__).resolve().parent
GRAPH = FOLDER / "graph.onnx"
REFERENCE = reference_root() / "speech_recognize"
SUBSET = np.concatenate([np.arange(12), np.arange(2292, 2304)])
GOLDEN = "721a59cd37325e0d34b9163f461c2659096b032806a414bb455eb93251928c4b"


def onnxruntime(inputs: dict[str, NDArray[np.generic]], samples: int = MOST) -> NDArray[np.float32]:
    """The network's answers to inputs cut to so many samples."""
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(str(GRAPH), providers=["CPUExecutionProvider"])
    cut = {"waveform": inputs["waveform"][:, :samples], "length": inputs["length"]}
    found: NDArray[np.float32] = session.run(["log_probs"], cut)[0]
    return found


@pytest.fixture(scope="module")
def subset() -> dict[str, NDArray[np.generic]]:
    return data.evaluation_inputs(SUBSET)


@pytest.fixture(scope="module")
def answers(subset: dict[str, NDArray[np.generic]]) -> NDArray[np.float32]:
    return onnxruntime(subset)


# ----------------------------------------------------------------------------------------------------------- sentences


def read_aloud(words: list[str]) -> int:
    """The number that is read so; Chinese numerals up to 99 999 999, taken apart from the left."""
    units, digits = {"十": 10, "百": 100, "千": 1000}, "零一二三四五六七八九"
    total, part, digit = 0, 0, 0
    for word in words:
        if word == "万":
            total, part, digit = (part + digit) * 10_000, 0, 0
        elif word in units:
            part, digit = part + (digit or 1) * units[word], 0
        else:
            digit = 2 if word == "两" else digits.index(word)
    return total + part + digit


@settings(max_examples=300)
@given(st.integers(0, 99_999_999))
def test_numbers_are_read_as_they_are_written(value: int) -> None:
    assert read_aloud(cardinal(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "零"), (2, "二"), (10, "十"), (12, "十二"), (20, "二十"), (102, "一百零二"), (112, "一百一十二"),
        (200, "两百"), (1010, "一千零一十"), (2222, "两千二百二十二"), (10_208, "一万零两百零八"), (100_000, "十万"),
        (120_034, "十二万零三十四"), (20_000_001, "两千万零一"), (99_999_999, "九千九百九十九万九千九百九十九"),
    ],
)  # fmt: skip
def test_known_numbers(value: int, text: str) -> None:
    assert "".join(cardinal(value)) == text


def test_the_alphabet_is_closed_and_small() -> None:
    assert len(set(CHARACTERS)) == len(CHARACTERS) == 139
    assert sorted(IDS.values()) == list(range(1, 140)), "0 is the blank"


def test_every_character_is_said_and_every_kind_of_sentence() -> None:
    labels = data.evaluation_labels(np.arange(data.EVALUATION_SIZE))
    said = np.bincount(labels[labels > 0], minlength=len(CHARACTERS) + 1)
    assert said[1:].min() >= 8
    texts = ["".join(CHARACTERS[number - 1] for number in row if number > 0) for row in labels]
    for mark, share in {"号": 0.15, "点": 0.2, "元": 0.01, "市": 0.05, "打开": 0.01, "幺": 0.02}.items():
        assert np.mean([mark in text for text in texts]) > share, mark
    # A closed list of sentences could be learned by heart; hardly one of these comes twice.
    assert len(set(texts)) > 0.9 * len(texts)


# ----------------------------------------------------------------------------------------------------------- utterances


def test_samples_have_the_promised_shape_and_type(subset: dict[str, NDArray[np.generic]]) -> None:
    waveform, length = subset["waveform"], subset["length"]
    assert (waveform.shape, waveform.dtype) == ((24, MOST), np.int16)
    assert (length.shape, length.dtype) == ((24,), np.int64)
    for wave, samples in zip(waveform, length, strict=True):
        assert 0.5 * LEAST < samples <= MOST
        assert wave[:samples].std() > 30
        assert not wave[samples:].any()
    labels = data.evaluation_labels(SUBSET)
    assert (labels.shape, labels.dtype) == ((24, data.MOST_CHARACTERS), np.int32)


def test_a_sample_does_not_depend_on_its_neighbours(subset: dict[str, NDArray[np.generic]]) -> None:
    alone = data.evaluation_inputs(np.array([7]))
    assert np.array_equal(alone["waveform"][0], subset["waveform"][7])
    first, more = data.load_inputs(2, 9), data.load_inputs(4, 9)
    assert np.array_equal(first["waveform"], more["waveform"][:2])


def test_another_process_makes_the_same_samples(subset: dict[str, NDArray[np.generic]]) -> None:
    code = (
        "import hashlib, numpy; from bench.models.speech_recognize import data;"
        "print(hashlib.sha256(data.evaluation_inputs(numpy.arange(6))['waveform'].tobytes()).hexdigest())"
    )
    given_hash = {**os.environ, "PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=given_hash, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(subset["waveform"][:6])


def test_golden_samples() -> None:
    assert digest(data.evaluation_inputs(np.arange(0, 2304, 461))["waveform"]) == GOLDEN


def test_streams_and_seeds_give_other_samples() -> None:
    sets = [
        data.evaluation_inputs(np.arange(4)),
        data.calibration_inputs(4),
        data.load_inputs(4, 1),
        data.load_inputs(4, 2),
        data.load_inputs(4, 1 + (1 << 40)),
    ]
    assert len({digest(wave) for one in sets for wave in one["waveform"]}) == 20


def test_no_voice_speaks_in_two_sets() -> None:
    shipped = {name: {one.name for one in load_voices(name)} for name in ("evaluation", "timing", "calibration")}
    training, validation = set(voices.TRAINING_VOICES), set(voices.VALIDATION_VOICES)
    assert training.isdisjoint(validation)
    assert training | validation == set(command_voices.TRAINING_VOICES)
    everybody = [*shipped.values(), training, validation]
    assert sum(map(len, everybody)) == len(set().union(*everybody))


def test_indices_outside_the_set_are_refused() -> None:
    with pytest.raises(IndexError, match="from 0 to 2303; got 2304 to 2304"):
        data.evaluation_inputs(np.array([data.EVALUATION_SIZE]))
    with pytest.raises(IndexError):
        data.evaluation_labels(np.array([-1]))


@pytest.mark.parametrize("most_s", [1.6, 3.0, 5.0])
def test_an_utterance_is_its_words_one_behind_the_other(most_s: float) -> None:
    voice = next(one for one in load_voices("evaluation") if "city" in one.known)
    for index in range(30):
        draws = Draws(generator(5, index))
        said = utter(draws, voice, (0.85, 1.15), int(0.7 * most_s * RATE), int(most_s * RATE))
        assert 0 < len(said.wave) <= most_s * RATE + 1
        assert said.text == "".join(said.words)
        assert encode(said.text)
        begins, ends = np.array(said.spans).T
        assert (np.diff(begins) > 0).all()
        assert (begins[1:] > ends[:-1] - 0.05 * RATE).all(), "words overlap by a few hundredths of a second at most"
        assert begins[0] >= 0
        assert ends[-1] <= len(said.wave) + 1
        power = said.wave**2
        inside = np.mean([power[int(a) : int(b)].mean() for a, b in said.spans])
        assert power[: int(begins[0])].sum() < 1e-9 * inside, "silence before the first word"


# ------------------------------------------------------------------------------------------------------------- network


@cache
def untrained() -> tuple[object, object]:
    """A network with batch norms that do something, and the same one folded."""
    torch = pytest.importorskip("torch")
    from bench.models.speech_recognize.build import folded
    from bench.models.speech_recognize.network import Recogniser

    torch.manual_seed(3)
    network = Recogniser().eval()
    for part in network.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.5, 2.0)
            torch.nn.init.uniform_(part.weight, 0.5, 1.5)
            torch.nn.init.normal_(part.bias, 0, 0.3)
    return network, folded(network)


def test_folding_keeps_the_function() -> None:
    torch = pytest.importorskip("torch")
    network, folded = untrained()
    waves = torch.randint(-3000, 3000, (2, 20 * FRAME), dtype=torch.int16)
    length = torch.tensor([20 * FRAME - 100, 9000])
    with torch.no_grad():
        assert (network(waves, length) - folded(waves, length)).abs().max() < 2e-5


@pytest.mark.parametrize("more", [0, 1, 3, 40])
def test_padding_changes_nothing(more: int) -> None:
    torch = pytest.importorskip("torch")
    _, network = untrained()
    waves = torch.randint(-3000, 3000, (1, 15 * FRAME), dtype=torch.int16)
    length = torch.tensor([14 * FRAME + 77])
    # What is fed behind a sample's end has no say, silence or not.
    behind = torch.randint(-3000, 3000, (1, (more + 4) * FRAME), dtype=torch.int16)
    filled = torch.cat([waves, torch.zeros_like(behind)], dim=1)[:, : (15 + more) * FRAME]
    with torch.no_grad():
        alone, padded = network(waves, length), network(filled, length)
    assert padded.shape[1] == 15 + more
    assert (padded[:, :15] - alone).abs().max() <= 1e-5
    assert not padded[:, 15:].any()


def test_log_probabilities_are_some() -> None:
    torch = pytest.importorskip("torch")
    _, network = untrained()
    with torch.no_grad():
        found = network(torch.zeros(1, 10 * FRAME, dtype=torch.int16), torch.tensor([8 * FRAME]))
    assert torch.allclose(found[0, :8].exp().sum(dim=1), torch.ones(8), atol=1e-5)
    assert not found[0, 8:].any()


# ------------------------------------------------------------------------------------------------------------ training


class _Said:
    """A sentence of one voice that hums."""

    @staticmethod
    def speakers() -> object:
        from bench.models.speech_recognize.clips import voices_of
        from bench.models.speech_recognize.synthesise import WORDS
        from bench.models.speech_recognize.training_data import Speakers

        hum = (8000 * np.sin(np.arange(2600) * 0.2)).astype(np.int16)
        return Speakers(voices_of(("hum", word, np.tile(hum, max(1, len(word) - 1))) for word in WORDS), 3)


def test_batches_are_functions_of_the_step_and_say_what_is_heard() -> None:
    pytest.importorskip("espeakng_loader")
    from bench.models.speech_recognize.training_data import IGNORED

    speakers = _Said.speakers()
    batch, again, other = speakers.batch(4, 12.0), speakers.batch(4, 12.0), speakers.batch(5, 12.0)  # type: ignore[attr-defined]
    assert np.array_equal(batch.waveform, again.waveform)
    assert np.array_equal(batch.text, again.text)
    assert digest(batch.waveform) != digest(other.waveform)
    assert batch.waveform.shape[1] == batch.heard.shape[1] * FRAME
    for row, length in enumerate(batch.length):
        frames, text = -(-int(length) // FRAME), batch.text[row][batch.text[row] > 0]
        heard = batch.heard[row]
        assert (heard[frames:] == IGNORED).all()
        assert not batch.waveform[row, length:].any()
        named = heard[:frames][heard[:frames] > 0]
        runs = named[np.diff(named, prepend=0) != 0]
        assert set(runs) <= set(text)
        assert len(runs) >= 0.8 * len(text[np.diff(text, prepend=0) != 0]), "nearly every character has a frame"


def test_the_help_of_frames_ends() -> None:
    torch = pytest.importorskip("torch")
    from dataclasses import replace

    from bench.models.speech_recognize.train import PLAN, Transcription

    lesson = Transcription(_Said.speakers(), None, replace(PLAN, steps=100))  # type: ignore[arg-type]
    losses = {}
    for step in (0, 20, 99):
        (_, length), truth = lesson.batch(step)
        frames = int(-(-length.max() // FRAME))
        assert truth.shape[0] == len(length)
        losses[step] = float(
            lesson.loss(torch.zeros(len(length), frames, len(CHARACTERS) + 1), torch.from_numpy(truth))
        )
    alone = [loss / np.log(len(CHARACTERS) + 1) for loss in losses.values()]
    assert all(np.isfinite(alone))
    # Uniform scores: the cross-entropy of frames is log(classes) times what is left of the help: 1, then a half.
    (_, length), truth = lesson.batch(20)
    lesson._step = 99
    scores = torch.zeros(len(length), int(-(-length.max() // FRAME)), len(CHARACTERS) + 1)
    without = float(lesson.loss(scores, torch.from_numpy(truth)))
    assert losses[20] - without == pytest.approx(0.5 * np.log(len(CHARACTERS) + 1), rel=1e-3)


# --------------------------------------------------------------------------------------------------------------- files


def test_workload_file_tells_the_truth_about_the_graph() -> None:
    spec = read_toml(FOLDER / "workload.toml", WorkloadSpec)
    statistics = graph_statistics(GRAPH, forms_of(spec.inputs))
    assert spec.model.model_hash == model_hash(GRAPH)
    assert spec.model.parameters == statistics.parameters
    assert spec.model.macs_per_sample == statistics.macs_per_sample
    assert 0.3e9 < statistics.macs_per_sample / (MOST / RATE) < 1e9, "operations for each second of sound"
    assert spec.inputs[0].shape == (MOST,)
    assert spec.outputs[0].shape == (MOST // FRAME, len(CHARACTERS) + 1)
    assert spec.quality.evaluation_samples == data.EVALUATION_SIZE


def test_files_keep_their_budget() -> None:
    clips = sum(file.stat().st_size for file in (FOLDER / "clips").iterdir())
    answered = sum(file.stat().st_size for file in REFERENCE.iterdir())
    assert clips <= 1.6e6
    assert (FOLDER / "weights.safetensors").stat().st_size <= 1.75e6
    assert GRAPH.stat().st_size <= 150_000
    assert answered <= 600_000


def test_graph_passes_the_checker_and_takes_any_batch_and_length() -> None:
    onnx.checker.check_model(str(GRAPH), full_check=True)
    model = onnx.load(GRAPH, load_external_data=False)
    axes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert axes == {
        "waveform": ["batch", "time"],
        "length": ["batch"],
        "log_probs": ["batch", "frames", len(CHARACTERS) + 1],
    }
    # Sizes are looked up only where buffers are cut to the batch's length.
    assert sum(node.op_type == "Shape" for node in model.graph.node) <= 2


def test_exporting_again_gives_the_same_graph_and_weights(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from bench.models.speech_recognize.build import export
    from bench.models.speech_recognize.network import load_shipped

    export(load_shipped(GRAPH), tmp_path)
    assert (tmp_path / "weights.safetensors").read_bytes() == (FOLDER / "weights.safetensors").read_bytes()
    assert model_hash(tmp_path / "graph.onnx") == model_hash(GRAPH)


@pytest.mark.parametrize("units", [9, 10, 25])
def test_graph_agrees_with_torch_at_any_length(units: int) -> None:
    torch = pytest.importorskip("torch")
    from bench.models.speech_recognize.network import load_shipped

    inputs = data.load_inputs(3, 4)
    inputs["length"] = np.minimum(inputs["length"], units * 3200 - np.array([0, 700, 5000]))
    cut = inputs["waveform"][:, : units * 3200]
    with torch.no_grad():
        expected = load_shipped(GRAPH)(torch.from_numpy(cut), torch.from_numpy(inputs["length"])).numpy()
    assert np.abs(onnxruntime(inputs, units * 3200) - expected).max() <= 1e-4


def test_an_answer_does_not_depend_on_its_batch(
    subset: dict[str, NDArray[np.generic]], answers: NDArray[np.float32]
) -> None:
    for row in (0, 5, 20):
        one = {name: array[row : row + 1] for name, array in subset.items()}
        frames = -(-int(one["length"][0]) // FRAME)
        alone = onnxruntime(one, frames * FRAME)
        assert np.abs(alone[0] - answers[row, :frames]).max() <= 2e-4
        assert not answers[row, frames:].any()


# ----------------------------------------------------------------------------------------------------------- reference


def test_stored_answers_are_those_of_the_shipped_weights(
    subset: dict[str, NDArray[np.generic]], answers: NDArray[np.float32]
) -> None:
    reference = load_workload("speech_recognize").reference()
    assert reference is not None
    raw = reference.outputs["log_probs"]
    assert raw.shape == (RAW_SAMPLES, MOST // FRAME, len(CHARACTERS) + 1)
    error = np.linalg.norm(answers[:RAW_SAMPLES] - raw) / np.linalg.norm(raw)
    assert error < 1e-5
    stored = reference.answers["text"]
    assert len(stored) == data.EVALUATION_SIZE
    assert np.array_equal(best_path({"log_probs": answers})["text"], stored[SUBSET])
    assert load_file(REFERENCE / "outputs.safetensors").keys() == {"log_probs"}


def test_reference_value_is_that_of_the_stored_answers() -> None:
    kept = json.loads((REFERENCE / "reference.json").read_text())
    reference = load_workload("speech_recognize").reference()
    assert reference is not None
    found = transcript(
        reference.answers["text"].astype(np.int64),
        data.evaluation_labels(np.arange(data.EVALUATION_SIZE)).astype(np.int64),
    )
    assert kept["value"] == pytest.approx(found.accuracy)
    assert kept["interval"][0] < kept["value"] < kept["interval"][1]
    # A set that all of it is right on would tell nothing.
    assert 0.88 < kept["value"] < 0.97
    assert read_toml(FOLDER / "workload.toml", WorkloadSpec).quality.target <= kept["value"]


def test_reference_names_the_evaluation_samples() -> None:
    kept = json.loads((REFERENCE / "reference.json").read_text())
    assert kept["evaluation_sha256"] == evaluation_digest(data.evaluation_inputs)
