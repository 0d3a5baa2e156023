"""The spoken-commands workload as shipped: its samples, its graph, its reference answers and its size."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from bench.models.graph import graph_statistics, model_hash
from bench.models.speech_command import commands, data, voices
from bench.models.speech_command.acoustics import (
    WINDOW,
    Conditions,
    Surroundings,
    generator,
    make_surroundings,
    mix,
    uniforms,
)
from bench.models.speech_command.clips import load_clips

ort = pytest.importorskip("onnxruntime")

FOLDER = Path(data.__file__).resolve().parent
GRAPH = FOLDER / "graph.onnx"
REFERENCE = FOLDER.parents[1] / "results" / "reference" / "speech_command"
SETS = ("evaluation", "timing", "calibration")
SIZE_BUDGET = int(3.5 * 2**20)


@cache
def evaluation_quarter() -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    indices = np.sort(np.random.default_rng(7).permutation(data.EVALUATION_SIZE)[:640])
    return indices, data.evaluation_inputs(indices)["waveform"]


def run(model: Path | bytes, waves: NDArray[np.int16], output: str = "logits") -> NDArray[np.float32]:
    source = str(model) if isinstance(model, Path) else model
    session = ort.InferenceSession(source, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run([output], {"waveform": part})[0] for part in np.array_split(waves, 10)])


# ------------------------------------------------------------------------------------------------------- samples


def test_samples_have_the_declared_shape() -> None:
    for inputs in (data.evaluation_inputs(np.arange(3)), data.load_inputs(3, 1), data.calibration_inputs(3)):
        assert list(inputs) == ["waveform"]
        assert inputs["waveform"].shape == (3, WINDOW)
        assert inputs["waveform"].dtype == np.int16
    assert data.evaluation_inputs(np.array([], np.int64))["waveform"].shape == (0, WINDOW)


def test_samples_are_pure_functions_of_their_index() -> None:
    together = data.evaluation_inputs(np.array([900, 3, 2559, 3]))["waveform"]
    np.testing.assert_array_equal(together[1], together[3])
    for position, index in enumerate((900, 3, 2559)):
        np.testing.assert_array_equal(data.evaluation_inputs(np.array([index]))["waveform"][0], together[position])
    np.testing.assert_array_equal(data.load_inputs(4, 9)["waveform"], data.load_inputs(8, 9)["waveform"][:4])


def test_samples_are_those_of_the_reference_machine() -> None:
    stored = json.loads((REFERENCE / "reference.json").read_text(encoding="utf-8"))
    found = hashlib.sha256(data.evaluation_inputs(np.arange(64))["waveform"].tobytes()).hexdigest()
    assert found == stored["evaluation_sha256"]


def test_timing_samples_follow_the_seed_and_are_distinct() -> None:
    first, second = (data.load_inputs(128, seed)["waveform"] for seed in (1, 2**70))
    rows = {row.tobytes() for row in (*first, *second)}
    assert len(rows) == 256
    assert data.SUITE_SEED not in (1, 2**70)
    same_seed = data.load_inputs(16, data.SUITE_SEED)["waveform"]
    evaluation = {row.tobytes() for row in evaluation_quarter()[1]}
    calibration = {row.tobytes() for row in data.calibration_inputs(64)["waveform"]}
    assert not evaluation & (rows | calibration | {row.tobytes() for row in same_seed})
    assert not rows & calibration


def test_sets_share_no_voice_clip_or_unknown_word() -> None:
    speakers = {name: set(load_clips(name).voices) for name in SETS} | {"training": set(voices.TRAINING_VOICES)}
    unknown = len(commands.COMMANDS)
    words = {
        name: {t for t, label in zip(load_clips(name).texts, load_clips(name).labels, strict=True) if label == unknown}
        for name in SETS
    } | {"training": set(commands.TRAINING_OTHERS)}
    clips = {name: {wave.tobytes() for wave in load_clips(name).waves} for name in SETS}
    for kind in (speakers, words, clips):
        assert sum(map(len, kind.values())) == len(set().union(*kind.values()))
    assert not set(commands.COMMANDS) & set().union(*words.values())


def test_labels_are_balanced_in_every_subset() -> None:
    labels = data.evaluation_labels(np.arange(data.EVALUATION_SIZE))
    assert data.EVALUATION_SIZE >= 2400
    for count in (data.EVALUATION_SIZE, 768):
        assert set(np.bincount(labels[:count], minlength=32)) == {count // 32}


@pytest.mark.parametrize("index", [-1, data.EVALUATION_SIZE])
def test_index_outside_the_set_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match=f"0 to {data.EVALUATION_SIZE - 1}; got {index}"):
        data.evaluation_inputs(np.array([index]))


def test_clips_fit_the_window_and_are_not_cut_off() -> None:
    for name in SETS:
        clips = load_clips(name)
        assert set(clips.labels) == set(range(32))
        for wave in clips.waves:
            assert 0.3 <= len(wave) / 16_000 <= 0.9
            ends = max(np.abs(wave[:16]).max(), np.abs(wave[-16:]).max())
            assert ends <= 0.1 * np.abs(wave).max()


def test_no_sample_is_silent_or_saturated() -> None:
    waves = evaluation_quarter()[1].astype(np.int32)
    assert np.abs(waves).max(axis=1).min() > 100
    assert np.mean(np.abs(waves) >= 32767) < 1e-4


def plain_room() -> Surroundings:
    around = make_surroundings(load_clips("timing").waves, 5, 1, 2)
    return Surroundings(np.ones_like(around.rooms), around.colours, around.babble)


def test_mix_places_the_whole_clip_at_the_level_asked_for() -> None:
    wave, around = load_clips("timing").waves[0], plain_room()
    loud = Conditions(snr_db=(90.0, 90.0), level_db=(-20.0, -20.0))
    for index in range(8):
        found = mix(wave, generator(1, index), around, loud).astype(np.float64)
        start = int(uniforms(generator(1, index), 8)[5] * (WINDOW - len(wave) + 1))
        part = found[start : start + len(wave)]
        assert np.corrcoef(part, wave)[0, 1] > 0.9999
        assert 20 * np.log10(np.sqrt(np.mean(part**2)) / 32768) == pytest.approx(-20.0, abs=0.1)
        assert np.sum(part**2) > 0.9999 * np.sum(found**2)


def test_mix_adds_noise_of_the_power_asked_for() -> None:
    wave, around = load_clips("timing").waves[3], plain_room()
    quiet, noisy = (
        mix(wave, generator(2, 0), around, Conditions(snr_db=(snr, snr), level_db=(-20.0, -20.0))).astype(np.float64)
        for snr in (90.0, 6.0)
    )
    speech = np.sum(quiet**2) / len(wave)
    assert 10 * np.log10(speech / np.mean((noisy - quiet) ** 2)) == pytest.approx(6.0, abs=0.1)


def test_data_needs_neither_torch_nor_a_synthesiser() -> None:
    code = (
        "import sys, numpy as np, bench.models.speech_command.data as d; d.evaluation_inputs(np.arange(2));"
        "d.load_inputs(2, 1); d.calibration_inputs(2);"
        "sys.exit(bool({'torch', 'espeakng_loader', 'scipy', 'onnx'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --------------------------------------------------------------------------------------------------------- graph


def test_graph_is_valid_and_described_by_the_specification() -> None:
    onnx.checker.check_model(str(GRAPH), full_check=True)
    spec = tomllib.loads((FOLDER / "workload.toml").read_text(encoding="utf-8"))
    statistics = graph_statistics(GRAPH)
    assert spec["model"]["model_hash"] == model_hash(GRAPH)
    assert spec["model"]["parameters"] == statistics.parameters
    assert spec["model"]["macs_per_sample"] == statistics.macs_per_sample
    assert 10e6 <= statistics.macs_per_sample <= 50e6
    assert spec["quality"]["evaluation_samples"] == data.EVALUATION_SIZE
    assert spec["outputs"][0]["shape"] == [len(data.CLASS_NAMES)]
    operators = {node.op_type for node in onnx.load(GRAPH, load_external_data=False).graph.node}
    assert not operators & {"STFT", "DFT", "Identity", "Constant", "Shape", "Loop", "If"}


def test_batch_does_not_change_answers() -> None:
    waves = evaluation_quarter()[1][:10]
    session = ort.InferenceSession(str(GRAPH), providers=["CPUExecutionProvider"])
    whole = session.run(["logits"], {"waveform": waves})[0]
    np.testing.assert_allclose(run(GRAPH, waves), whole, rtol=1e-4, atol=1e-4)


def mel_triangles() -> NDArray[np.float64]:
    """HTK mel triangles (201, 40) by the textbook; no code of the workload."""
    hertz = np.fft.rfftfreq(400, 1 / 16_000)
    ends = 2595 * np.log10(1 + np.array([60.0, 7600.0]) / 700)
    edges = 700 * (10 ** (np.linspace(*ends, 42) / 2595) - 1)
    bank = np.stack([np.interp(hertz, edges[m : m + 3], [0.0, 1.0, 0.0]) for m in range(40)], axis=1)
    assert np.all(bank.sum(axis=0) > 0)
    return bank


def numpy_log_mel(wave: NDArray[np.int16], stored_as_half: bool) -> NDArray[np.float64]:
    """Scaled log-mel (98, 40): by FFT, or by a Fourier sum whose coefficients are rounded to fp16."""
    frames, hann = np.lib.stride_tricks.sliding_window_view(wave / 32768.0, 400)[::160], np.hanning(401)[:-1]
    bank = mel_triangles()
    if stored_as_half:
        basis = np.fft.rfft(np.diag(hann), axis=1)
        real, imaginary = (part.astype(np.float16).astype(np.float64) for part in (basis.real, basis.imag))
        power = (frames @ real) ** 2 + (frames @ imaginary) ** 2
        bank = bank.astype(np.float16).astype(np.float64)
    else:
        power = np.abs(np.fft.rfft(frames * hann, axis=1)) ** 2
    return np.asarray((np.log(power @ bank + 1e-4) + 3.0) * 0.25)


@pytest.mark.parametrize(("stored_as_half", "worst", "mean"), [(True, 1e-4, 1e-6), (False, 2e-2, 2e-4)])
def test_log_mel_in_the_graph_matches_an_independent_one(stored_as_half: bool, worst: float, mean: float) -> None:
    model = onnx.load(GRAPH)
    stem = next(node for node in model.graph.node if node.name == "stem.0.Conv")
    model.graph.output.append(onnx.helper.make_tensor_value_info(stem.input[0], onnx.TensorProto.FLOAT, None))
    waves = evaluation_quarter()[1][:40]
    found = run(model.SerializeToString(), waves, stem.input[0])[:, 0]
    error = np.abs(found - np.stack([numpy_log_mel(wave, stored_as_half) for wave in waves]))
    assert found.shape == (40, 98, 40)
    assert error.max() < worst
    assert error.mean() < mean


def test_graph_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    from bench.models.speech_command.network import load_shipped

    waves = evaluation_quarter()[1][:64]
    with torch.no_grad():
        expected = load_shipped(GRAPH)(torch.from_numpy(waves)).numpy()
    assert np.linalg.norm(run(GRAPH, waves) - expected) <= 1e-5 * np.linalg.norm(expected)


# ----------------------------------------------------------------------------------------------------- reference


def test_reference_is_recomputed_from_the_shipped_weights() -> None:
    pytest.importorskip("torch")
    from bench.models.speech_command.network import load_shipped
    from bench.models.speech_command.reference import compute_logits

    indices, waves = evaluation_quarter()
    stored = load_file(REFERENCE / "outputs.safetensors")["logits"]
    found = compute_logits(load_shipped(GRAPH).double(), waves[::6])
    assert stored.shape == (data.EVALUATION_SIZE, len(data.CLASS_NAMES))
    np.testing.assert_allclose(found, stored[indices[::6]], rtol=1e-6, atol=1e-6)


def test_reference_matches_the_graph_in_onnxruntime() -> None:
    indices, waves = evaluation_quarter()
    stored = load_file(REFERENCE / "outputs.safetensors")["logits"][indices]
    assert np.linalg.norm(run(GRAPH, waves) - stored) <= 1e-5 * np.linalg.norm(stored)


def test_reference_figures_are_consistent() -> None:
    record = json.loads((REFERENCE / "reference.json").read_text(encoding="utf-8"))
    logits = load_file(REFERENCE / "outputs.safetensors")["logits"]
    labels = data.evaluation_labels(np.arange(data.EVALUATION_SIZE))
    spec = tomllib.loads((FOLDER / "workload.toml").read_text(encoding="utf-8"))
    value = float(np.mean(logits.argmax(axis=1) == labels))
    assert record["value"] == pytest.approx(value, abs=1e-6)
    assert record["interval"][0] < value < record["interval"][1]
    assert record["samples"] == data.EVALUATION_SIZE
    assert 0.85 <= value <= 0.98
    assert value * 0.99 - 0.001 < spec["quality"]["target"] <= value * 0.99


def test_four_bit_weights_fail_the_target() -> None:
    model = onnx.load(GRAPH)
    for tensor in model.graph.initializer:
        if tensor.name.endswith(".weight"):
            weight = onnx.numpy_helper.to_array(tensor)
            step = np.abs(weight).max() / 7
            rounded = (np.round(weight / step) * step).astype(weight.dtype)
            tensor.CopyFrom(onnx.numpy_helper.from_array(rounded, tensor.name))
    indices, waves = evaluation_quarter()
    labels = data.evaluation_labels(indices)
    plain, coarse = (np.mean(run(m, waves).argmax(1) == labels) for m in (GRAPH, model.SerializeToString()))
    assert coarse < plain - 0.03


def test_shipped_files_stay_within_their_budget() -> None:
    files = [GRAPH, FOLDER / "weights.safetensors", *(FOLDER / "clips").iterdir()]
    assert sum(path.stat().st_size for path in files) <= SIZE_BUDGET
    assert GRAPH.stat().st_size < 32_768


def test_the_student_has_a_tenth_of_the_operations_and_the_front_end_of_its_teacher(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from bench.models.export import export_graph, round_to_half
    from bench.models.quantise.student import student_of
    from bench.models.speech_command.student import StudentNet, imitation
    from bench.models.suite import SuiteWorkload, load_workload

    network = round_to_half(StudentNet(folded=True).eval())
    export_graph(network, {"waveform": torch.zeros(2, 16_000, dtype=torch.int16)}, ["logits"], tmp_path)
    workload = load_workload("speech_command")
    assert isinstance(workload, SuiteWorkload)
    assert student_of(workload, tmp_path / "graph.onnx").name == "a student, 9.2 % of the operations"
    logits = torch.randn(4, 32)
    assert imitation(logits, logits).item() == pytest.approx(0.0, abs=1e-6)
    assert imitation(logits + 1, logits).item() > 0.1, "the numbers count, not only which class is likelier"
