"""Are rendered pictures like photographs? `python -m bench.models.measure_pictures WORKLOAD [--photographs FOLDER]`.

What power and clocks may depend on: how much of a picture is left when it is compressed, and how its power falls with
spatial frequency. A folder of photographs, cut to the same size, is measured beside.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Tensor
from bench.models.base import Workload
from bench.models.suite import load_workload
from bench.models.user_data import open_unlabelled
from bench.models.user_files import BadModel
from bench.plugins import PluginError
from bench.records.preparation import Preparation
from bench.records.untrusted import BadFile
from bench.tasks.pictures import as_jpeg

Pictures = NDArray[np.uint8]
# Weights of red, green and blue in luminance (ITU-R BT.601).
_LUMINANCE = np.array([0.299, 0.587, 0.114])
# Cycles per pixel between which the slope is fitted: below are few waves, above the camera's own filter.
_LOW, _HIGH = 1 / 32, 0.35


@dataclass(frozen=True, slots=True)
class Figures:
    """Of each picture, (n,): bits per pixel as a JPEG file of quality 92, slope of power over frequency (log, log),
    entropy in bits of the difference of neighbours in a row.
    """

    bits_per_pixel: NDArray[np.float64]
    slope: NDArray[np.float64]
    entropy_bits: NDArray[np.float64]


def figures(pictures: Pictures) -> Figures:
    """Of pictures (n, 3, h, w)."""
    return Figures(
        bits_per_pixel=np.array([8 * len(as_jpeg(one)) / one[0].size for one in pictures]),
        slope=np.array([spectral_slope(one) for one in _luminance(pictures)]),
        entropy_bits=np.array([difference_entropy(one) for one in np.rint(_luminance(pictures)).astype(np.int64)]),
    )


def _luminance(pictures: Pictures) -> NDArray[np.float64]:
    return np.tensordot(pictures.transpose(0, 2, 3, 1).astype(np.float64), _LUMINANCE, axes=1)


def spectral_slope(picture: NDArray[np.float64]) -> float:
    """Slope of the power spectrum of (h, w), averaged over directions, over frequency, both as logarithms.

    Natural scenes lie around -2 (Field, 1987). A Hann window keeps the edges of the picture out of it. A picture of one
    colour has no slope: nan.
    """
    height, width = picture.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    power = np.abs(np.fft.fft2((picture - picture.mean()) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    edges = np.geomspace(_LOW, _HIGH, 13)
    ring = np.digitize(frequency.ravel(), edges) - 1
    inside = (ring >= 0) & (ring < len(edges) - 1)
    counts = np.bincount(ring[inside], minlength=len(edges) - 1)
    sums = np.bincount(ring[inside], power.ravel()[inside], minlength=len(edges) - 1)
    middles = np.bincount(ring[inside], np.log(frequency.ravel()[inside]), minlength=len(edges) - 1)
    used = (counts > 0) & (sums > 0)
    if used.sum() < 2:
        return float("nan")
    logs = np.log(sums[used] / counts[used])
    return float(np.polyfit(middles[used] / counts[used], logs, 1)[0])


def difference_entropy(picture: NDArray[np.int64]) -> float:
    """Entropy in bits of the difference of neighbours in a row of (h, w)."""
    _, counts = np.unique(np.diff(picture, axis=1), return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def row(name: str, found: Figures) -> str:
    """Medians with the 5th and the 95th percentile."""
    cells = []
    for values in (found.bits_per_pixel, found.slope, found.entropy_bits):
        low, middle, high = np.nanpercentile(values, [5, 50, 95])
        cells.append(f"{middle:.2f} ({low:.2f} to {high:.2f})")
    return f"| {name} | {len(found.slope)} | {' | '.join(cells)} |"


HEADING = """\
| pictures | how many | JPEG bits per pixel | slope of the spectrum | entropy of differences (bits) |
|---|---|---|---|---|"""


def _rendered(workload: Workload, count: int) -> Pictures:
    (tensor,) = _picture_inputs(workload.spec.inputs)
    found = workload.load_inputs(count, seed=1)[tensor.name]
    return found.astype(np.uint8)


def _picture_inputs(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
    if len(inputs) != 1 or inputs[0].dtype != "uint8" or len(inputs[0].shape) != 3 or inputs[0].shape[0] != 3:
        raise BadModel("Only workloads with one input of pictures (3, height, width), uint8, can be looked at.")
    return inputs


def _photographs(folder: Path, workload: Workload, count: int) -> Pictures:
    """Reduced and cut from the middle, as for classifiers."""
    data = open_unlabelled(folder, workload.spec.inputs, Preparation())
    found = data.files.raw(np.arange(min(count, data.count)))
    return found.astype(np.uint8)


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.models.measure_pictures", description=__doc__)
    parser.add_argument("workload")
    parser.add_argument("--photographs", type=Path, metavar="FOLDER")
    parser.add_argument("--count", type=int, default=128)
    given = parser.parse_args(arguments)
    if given.count < 1:
        parser.error("a count is one or more")
    try:
        workload = load_workload(given.workload)
        rows = [row(given.workload, figures(_rendered(workload, given.count)))]
        if given.photographs is not None:
            rows.append(row(given.photographs.name, figures(_photographs(given.photographs, workload, given.count))))
    except (PluginError, BadFile, BadModel) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    print("\n".join([HEADING, *rows]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
