"""Resize: along each axis every place of the result is a weighted sum of a few places of the input."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from bench.backends.opencl.graph import Lacking, Node
from bench.backends.opencl.kernels.axis import weighted
from bench.backends.opencl.lowering.builder import Builder
from bench.backends.opencl.lowering.moving import looked_up, lower_renamed
from bench.backends.opencl.plan import Buffer, Weight

Coordinates = NDArray[np.float64]


def lower_resize(build: Builder, node: Node) -> None:
    """Resize and Upsample in all their ways, but cropping by a region of interest and smoothing before making small."""
    shape, result = build.shape(node.inputs[0]), build.shape(node.output)
    way = node.get("coordinate_transformation_mode", "asymmetric" if node.op == "Upsample" else "half_pixel")
    build.needs(way != "tf_crop_and_resize", "resizing of a region")
    build.needs(not node.get("antialias", 0), "resizing with smoothing")
    scales = _scales(build, node, shape, result)
    axes = [a for a in range(len(shape)) if shape[a] != result[a] or scales[a] != 1.0]
    coordinates = {a: _coordinates(way, shape[a], result[a], scales[a]) for a in axes}
    mode = node.get("mode", "nearest")
    if mode == "nearest":
        rounding = node.get("nearest_mode", "floor" if node.op == "Upsample" else "round_prefer_floor")
        looked_up(
            build,
            node,
            shape,
            [_nearest(rounding, coordinates[a], shape[a]) if a in axes else None for a in range(len(shape))],
        )
        return
    build.floats(node.inputs[0])
    if not axes:
        lower_renamed(build, node)
        return
    here, source = list(shape), build.plain(node.inputs[0])
    for axis in axes:
        places, weights = _taps(node, mode, coordinates[axis], shape[axis])
        source = _along(build, node, source, here, axis, places, weights, axis == axes[-1])


def _along(
    build: Builder,
    node: Node,
    source: Buffer | Weight,
    here: list[int],
    axis: int,
    places: NDArray[np.int32],
    weights: NDArray[np.float32],
    last: bool,
) -> Buffer:
    """One axis; `here` becomes the new shape."""
    length, (count, taps) = here[axis], places.shape
    here[axis] = count
    inner = prod(here[axis + 1 :])
    target = build.new_plain(node.output) if last else build.buffer(4 * prod(here))
    index = build.weight(f"{node.output} places {axis}", lambda: places)
    factor = build.weight(f"{node.output} weights {axis}", lambda: weights)
    made = weighted(length, inner, count, taps)
    build.launch(made, [source, index, factor, target], (count, prod(here[:axis])), target)
    return target


def _scales(build: Builder, node: Node, shape: tuple[int, ...], result: tuple[int, ...]) -> list[float]:
    """As the file gives them, or as they follow from the sizes."""
    axes = [axis % len(shape) for axis in node.get("axes") or range(len(shape))]
    name = node.input(1) if node.op == "Upsample" or build.graph.opset < 11 else node.input(2)
    scales = [out / there if there else 1.0 for out, there in zip(result, shape, strict=True)]
    if name and name in build.graph.constants and build.graph.constants[name].size:
        for axis, value in zip(axes, build.graph.constants[name].ravel(), strict=True):
            scales[axis] = float(value)
    elif node.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Lacking("resizing that keeps the aspect ratio")
    return scales


def _coordinates(way: str, length: int, count: int, scale: float) -> Coordinates:
    """Where each place of the result lies in the input."""
    out = np.arange(count, dtype=np.float64)
    if way == "align_corners":
        return out * (length - 1) / (count - 1) if count > 1 else out * 0
    if way == "asymmetric":
        return out / scale
    if way == "pytorch_half_pixel" and count == 1:
        return out * 0
    found: Coordinates = (out + 0.5) / scale - 0.5
    if way == "half_pixel_symmetric":
        found += length / 2 * (1 - count / (scale * length))
    return found


def _nearest(rounding: str, places: Coordinates, length: int) -> NDArray[np.int64]:
    shift = {"round_prefer_floor": -0.5, "round_prefer_ceil": 0.5}.get(rounding, 0.0)
    up = rounding in ("ceil", "round_prefer_floor")
    rounded = np.ceil(places + shift) if up else np.floor(places + shift)
    return np.clip(rounded, 0, length - 1).astype(np.int64)


def _taps(
    node: Node, mode: str, coordinates: Coordinates, length: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Places and weights of each sum: two for `linear`, four for `cubic`; what lies outside is the edge again."""
    first = np.floor(coordinates)
    far = (coordinates - first)[:, None]
    if mode == "linear":
        steps, weights = np.arange(2), np.concatenate([1 - far, far], axis=1)
    else:
        steps = np.arange(-1, 3)
        weights = _cubic(np.abs(far - steps), float(node.get("cubic_coeff_a", -0.75)))
    places = first[:, None] + steps
    if mode == "cubic" and node.get("exclude_outside", 0):
        weights = np.where((places < 0) | (places >= length), 0.0, weights)
        weights = weights / weights.sum(1, keepdims=True)
    return np.clip(places, 0, length - 1).astype(np.int32), weights.astype(np.float32)


def _cubic(x: Coordinates, a: float) -> Coordinates:
    """Keys' kernel, at distances up to 2."""
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    return np.where(x <= 1, near, a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a)
