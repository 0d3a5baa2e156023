"""What coarser numbers cost this network: `python -m bench.models.speech_command.roundings` prints the card's table.

Weight-only rounding in torch, and a whole int8 file by onnxruntime's static quantisation from the calibration set.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bench.models.making.roundings import rounded
from bench.models.speech_command import data
from bench.models.speech_command.network import CommandNet, load_shipped
from bench.models.speech_command.reference import GRAPH, accuracy, compute_logits
from bench.scoring.quality import wilson

FRONT_END = "log_mel."
_CALIBRATION_SAMPLES = 256


@dataclass(frozen=True, slots=True)
class Rounding:
    """One row of the table: accuracy, and how often the answer is the reference's."""

    name: str
    accuracy: float
    agreement: float


def quantize_statically(folder: Path, keep_front_end: bool, per_channel: bool) -> Path:
    """Write an int8 QDQ file by onnxruntime from `calibration_inputs`, the front end left in float if asked."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self._batches = iter(np.array_split(data.calibration_inputs(_CALIBRATION_SAMPLES)["waveform"], 16))

        def get_next(self) -> dict[str, NDArray[np.generic]] | None:
            batch = next(self._batches, None)
            return None if batch is None else {"waveform": batch}

    plain, quantized = folder / "plain.onnx", folder / "int8.onnx"
    quant_pre_process(str(GRAPH), str(plain), skip_symbolic_shape=True)
    names = [node.name for node in onnx.load(plain).graph.node]
    excluded = [name for name in names if name.startswith(FRONT_END)] if keep_front_end else []
    quantize_static(
        plain, quantized, Reader(), QuantFormat.QDQ, per_channel=per_channel,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=excluded,
    )  # fmt: skip
    return quantized


def _run_file(path: Path, waves: NDArray[np.int16]) -> NDArray[np.float64]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Exact sums of 8-bit products, as the backend asks for: they saturate on processors without VNNI.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    parts = [session.run(["logits"], {"waveform": part})[0] for part in np.array_split(waves, 40)]
    return np.concatenate(parts).astype(np.float64)


def _in_low_precision(network: CommandNet, waves: NDArray[np.int16], kind: torch.dtype) -> NDArray[np.float64]:
    low = copy.deepcopy(network).to(kind)
    return compute_logits(low, waves)


def measure(unrounded: CommandNet | None = None) -> Iterator[Rounding]:
    """Yield the rows, the reference first; `unrounded` is the folded network before rounding to fp16."""
    everything = np.arange(data.EVALUATION_SIZE)
    waves, labels = data.evaluation_inputs(everything)["waveform"], data.evaluation_labels(everything)
    shipped = load_shipped(GRAPH)
    reference = compute_logits(copy.deepcopy(shipped).double(), waves)

    def row(name: str, logits: NDArray[np.float64]) -> Rounding:
        agreement = float(np.mean(logits.argmax(1) == reference.argmax(1)))
        return Rounding(name, accuracy(logits, labels), agreement)

    if unrounded is not None:
        yield row("float32 weights, before rounding", compute_logits(unrounded, waves))
    yield row("fp16 weights (shipped), float64 arithmetic: the reference", reference)
    yield row("fp16 weights (shipped), onnxruntime float32", _run_file(GRAPH, waves))
    yield row("fp16 weights and arithmetic", _in_low_precision(shipped, waves, torch.float16))
    yield row("bf16 weights and arithmetic", _in_low_precision(shipped, waves, torch.bfloat16))
    for bits in (8, 6, 4):
        for per_channel in (True, False):
            way = "per channel" if per_channel else "per tensor"
            yield row(f"{bits}-bit weights, {way}", compute_logits(rounded(shipped, bits, per_channel), waves))
    with tempfile.TemporaryDirectory() as folder:
        for keep, per_channel in ((True, True), (True, False), (False, True)):
            path = quantize_statically(Path(folder), keep, per_channel)
            way = "per channel" if per_channel else "per tensor"
            name = f"int8 QDQ {way}, front end {'in float' if keep else 'too'}"
            yield row(name, _run_file(path, waves))


def table(rows: list[Rounding]) -> str:
    """Return the rows as a Markdown table."""
    titles = ("weights and arithmetic", "accuracy", "95 % interval", "same answer as the reference")
    lines = [f"| {' | '.join(titles)} |", "|---|---|---|---|"]
    for row in rows:
        interval = wilson(round(row.accuracy * data.EVALUATION_SIZE), data.EVALUATION_SIZE)
        lines.append(
            f"| {row.name} | {row.accuracy:.4f} | {interval.low:.4f} – {interval.high:.4f} | {row.agreement:.4f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(list(measure())))
