"""Programs for a model and some batch sizes, compiled here and written into a folder, for runs that compile nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.backends.base import EngineError, Model, Options
from bench.backends.opencl.binaries import write_programs
from bench.backends.opencl.device import Found
from bench.backends.opencl.errors import failure
from bench.backends.opencl.kernels.source import Kernel
from bench.backends.opencl.multiplying import traits_for
from bench.backends.opencl.network import planned, prepared_for
from bench.backends.opencl.tiles import Tiles
from bench.records.opencl import Built


def build(
    model: Model, found: Found, options: Options, batches: Sequence[int], folder: Path, tiles: Tiles | None = None
) -> Built:
    """Compile what runs with `options` take at these batch sizes, and write it into a folder that is made or empty.

    Raises EngineError, one line.
    """
    import pyopencl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        raise EngineError(f"opencl cannot write into {folder}: {error.strerror or error}.") from error
    if taken:
        raise EngineError(f"{folder} is not empty; programs go into a folder of their own.")
    graph, tiles = prepared_for(model, options), tiles or Tiles()
    traits = traits_for(found, graph)
    kernels: dict[str, Kernel] = {}
    for samples in batches:
        kernels |= planned(graph, model, traits, samples, tiles)[0].kernels()
    try:
        context = pyopencl.Context([found.own])
    except pyopencl.Error as error:
        raise failure(error, f"opencl cannot use {found.device.address}") from error
    manifest = write_programs(context, found, kernels, folder, traits.madd)
    size = sum((folder / entry.file).stat().st_size for entry in manifest.programs)
    return Built(folder=str(folder), device=found.device.title, kernels=len(kernels), nbytes=size)
