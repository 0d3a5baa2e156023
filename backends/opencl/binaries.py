"""Programs as files: compiled elsewhere or before, listed in a manifest, loaded without a compiler.

So FPGA cards are used, where a program takes hours to make. A manifest says of each file which kernels it holds and
what their arguments are, for a binary does not tell. A kernel's name follows from its source, and so a file that was
made for another layer or tile has no kernel of the name that is looked for. Kernels that take sizes as arguments serve
other batches and lengths than those that they were made for: the manifest says which numbers of a source they take.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.backends.base import EngineError, Unsupported
from bench.backends.opencl.device import Found
from bench.backends.opencl.errors import failure
from bench.backends.opencl.general import General, form_of, handed, parameters
from bench.backends.opencl.kept import read_kept
from bench.backends.opencl.kernels.arithmetic import MADD
from bench.backends.opencl.kernels.source import Kernel
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.plan import Launch, Plan, Step
from bench.backends.opencl.programs import OPTIONS, joined

if TYPE_CHECKING:
    import pyopencl

MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 16 << 20


class KernelEntry(msgspec.Struct, frozen=True):
    """A kernel's name, its parameters as C spells them, in their order, and what it stands for if it takes sizes."""

    name: str
    parameters: tuple[str, ...]
    general: General | None = None


class ProgramEntry(msgspec.Struct, frozen=True):
    """A file beside the manifest, its SHA-256 in hexadecimal, and the kernels that it holds."""

    file: str
    sha256: str
    kernels: tuple[KernelEntry, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was compiled, for which device and driver, and how; `local_size` is the work-group that kernels ask for.

    `madd`: how kernels multiply pairs of shorts, a key of `kernels.arithmetic.MADD`. `tiles`: those of the layers that
    have them, by what the layers do and the names of their results.
    """

    format: int = 1
    platform: str
    device: str
    driver: str
    options: tuple[str, ...] = OPTIONS
    local_size: tuple[int, int, int] = (1, 1, 1)
    buffer_alignment: int
    madd: str = "portable"
    tiles: dict[str, Tile] = {}
    programs: tuple[ProgramEntry, ...]


class BinaryPrograms:
    """Loads what a manifest lists; never compiles. Raises Unsupported for a folder that is not for this device."""

    def __init__(self, context: pyopencl.Context, found: Found, folder: Path) -> None:
        self._context, self._found, self._folder = context, found, folder
        self._lock = threading.Lock()
        manifest = read_manifest(folder)
        self.madd = manifest.madd
        self.tiles: Mapping[str, Tile] = manifest.tiles
        here = found.platform, str(found.own.name).strip(), str(found.own.driver_version)
        made_for = manifest.platform, manifest.device, manifest.driver
        if here != made_for:
            raise Unsupported(
                f"The programs in {folder} were built for {' / '.join(made_for)}; here is {' / '.join(here)}. "
                "Build them on this host: `bench opencl build`."
            )
        self._entries = {one.name: entry for entry in manifest.programs for one in entry.kernels}
        kernels = [one for entry in manifest.programs for one in entry.kernels]
        self._parameters = {one.name: one.parameters for one in kernels}
        # By form: names of kernels, and what these stand for.
        self._general: dict[str, list[tuple[str, General]]] = {}
        for one in kernels:
            if one.general is not None:
                self._general.setdefault(one.general.form, []).append((one.name, one.general))
        self._loaded: dict[str, pyopencl.Program] = {}

    def shared(self, plans: Sequence[Plan]) -> list[Plan | None]:
        made = [msgspec.structs.replace(plan, steps=tuple(map(self._known, plan.steps))) for plan in plans]
        return [plan if not number or self._has(plan) else None for number, plan in enumerate(made)]

    def _has(self, plan: Plan) -> bool:
        return plan.kernels().keys() <= self._entries.keys()

    def _known(self, step: Step) -> Step:
        """A step by a kernel that is there and takes sizes, where its own is not."""
        if not isinstance(step, Launch) or step.kernel.name in self._entries:
            return step
        form = form_of(step.kernel)
        for name, general in self._general.get(form.digest, ()):
            numbers = general.arguments(form)
            if numbers is not None:
                return handed(step, Kernel(name, (*step.kernel.parameters, *parameters(general))), numbers)
        return step

    def ensure(self, kernels: Mapping[str, Kernel]) -> None:
        missing = sorted(name for name in kernels if name not in self._entries)
        if missing:
            raise EngineError(
                f"opencl: the programs in {self._folder} lack {len(missing)} of {len(kernels)} kernels that this model "
                f"needs at this batch ({missing[0]}, …); build them with `bench opencl build` for the same batch."
            )
        for name, one in kernels.items():
            if self._parameters[name] != one.parameters:
                raise EngineError(f"opencl: the manifest in {self._folder} gives {name} other parameters than it has.")
        with self._lock:
            for entry in {self._entries[name].file: self._entries[name] for name in kernels}.values():
                if entry.file not in self._loaded:
                    self._loaded[entry.file] = self._load(entry)

    def kernel(self, name: str) -> pyopencl.Kernel:
        import pyopencl

        return pyopencl.Kernel(self._loaded[self._entries[name].file], name)

    def _load(self, entry: ProgramEntry) -> pyopencl.Program:
        import pyopencl

        path = self._folder / entry.file
        try:
            content = path.read_bytes()
        except OSError as error:
            raise EngineError(f"opencl cannot read {path}: {error.strerror or error}.") from error
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise EngineError(f"opencl: {path} is not the file that the manifest lists (its SHA-256 differs).")
        try:
            program: pyopencl.Program = pyopencl.Program(self._context, [self._found.own], [content])
            program.build()
        except (pyopencl.Error, MemoryError) as error:
            raise failure(error, f"opencl: the driver does not take {path}") from error
        return program


def read_manifest(folder: Path) -> Manifest:
    """Raises Unsupported, one line, for a folder without a manifest or with one that says nothing sensible."""
    path = folder / MANIFEST
    manifest = read_kept(
        path, Manifest, _LARGEST_MANIFEST, "manifest of programs", "`bench opencl build` writes such a folder"
    )
    if (
        manifest.format != 1
        or manifest.madd not in MADD
        or any(Path(one.file).name != one.file for one in manifest.programs)
    ):
        raise Unsupported(f"{path} is of a form that this version does not know, or names files elsewhere.")
    return manifest


def write_programs(
    context: pyopencl.Context,
    found: Found,
    kernels: Mapping[str, Kernel],
    folder: Path,
    madd: str,
    tiles: Mapping[str, Tile],
    general: Mapping[str, General],
) -> Manifest:
    """Compile kernels as one program, and write it and the manifest into a folder that exists.

    Raises EngineError where the device has no compiler, or fails.
    """
    import pyopencl

    if not found.own.compiler_available:
        raise Unsupported(f"opencl on {found.device.address} has no compiler; the vendor's tools make its programs.")
    made: Sequence[Kernel] = [one for _, one in sorted(kernels.items())]
    try:
        program = pyopencl.Program(context, joined(made)).build(list(OPTIONS))
        (content,) = program.get_info(pyopencl.program_info.BINARIES)
    except (pyopencl.Error, MemoryError) as error:
        raise failure(error, "opencl cannot compile its kernels") from error
    digest = hashlib.sha256(content).hexdigest()
    file = f"{digest[:16]}.bin"
    entries = tuple(KernelEntry(one.name, one.parameters, general.get(one.name)) for one in made)
    manifest = Manifest(
        platform=found.platform,
        device=str(found.own.name).strip(),
        driver=str(found.own.driver_version),
        buffer_alignment=int(found.own.mem_base_addr_align) // 8,
        madd=madd,
        tiles=dict(tiles),
        programs=(ProgramEntry(file, digest, entries),),
    )
    try:
        (folder / file).write_bytes(content)
        (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    except OSError as error:
        raise EngineError(f"opencl cannot write into {folder}: {error.strerror or error}.") from error
    return manifest
