"""Programs for a model and some batch sizes, compiled here and written into a folder, for runs that compile nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.backends.base import EngineError, Model, Options
from bench.backends.opencl.binaries import write_programs
from bench.backends.opencl.device import Found
from bench.backends.opencl.errors import failure
from bench.backends.opencl.general import General, generalised
from bench.backends.opencl.kernels.source import Kernel
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.lengths import plans_of
from bench.backends.opencl.multiplying import traits_for
from bench.backends.opencl.network import prepared_for
from bench.backends.opencl.plan import Plan
from bench.backends.opencl.tiles import Tiles
from bench.records.opencl import Built


def build(
    model: Model, found: Found, options: Options, batches: Sequence[int], folder: Path, tiles: Tiles | None = None
) -> Built:
    """Compile what runs with `options` take at these batch sizes, and write it into a folder that is made or empty.

    Kernels take as arguments what differs between batch sizes, and lengths, of one network; so they serve others, too.
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
    like: Mapping[str, Tile] = {}
    longest: list[Plan] = []
    shorter: list[Plan] = []
    for samples in sorted(set(batches), reverse=True):
        plan, *others = (plan for plan, _ in plans_of(graph, model, traits, samples, tiles, like).values())
        like = like or plan.tiles()
        longest.append(plan)
        shorter += others
    kernels, general = _kernels(longest, shorter)
    try:
        context = pyopencl.Context([found.own])
    except pyopencl.Error as error:
        raise failure(error, f"opencl cannot use {found.device.address}") from error
    manifest = write_programs(context, found, kernels, folder, traits.madd, like, general)
    size = sum((folder / entry.file).stat().st_size for entry in manifest.programs)
    return Built(folder=str(folder), device=found.device.title, kernels=len(kernels), nbytes=size)


def _kernels(longest: Sequence[Plan], shorter: Sequence[Plan]) -> tuple[dict[str, Kernel], dict[str, General]]:
    """Kernels for all of `longest`, by as few as can be, which serve `shorter` as far as these have the same steps."""
    kernels: dict[str, Kernel] = {}
    general: dict[str, General] = {}
    while longest:
        made = generalised([*longest, *shorter])
        general |= made.kernels
        for plan in made.plans:
            kernels |= plan.kernels() if plan is not None else {}
        longest = [plan for plan, one in zip(longest, made.plans, strict=False) if one is None]
    return kernels, general
