"""Workloads of the suite and of other distributions: a package with `workload.toml` and a `data` module.

Texts may have words: `WORDS` of the data module, each by the ids of its characters.
A module `network` with `load_shipped(graph)` may be there besides, for engines that run torch modules (see `Model`),
and a module `footage` with `film(number, frames)` where `workload.toml` has a table `[video]`. A workload may have the
network of another (`network_of`), and with it all but its load and its films.
Reference answers (`reference.json`, `outputs.safetensors`, and `answers.safetensors` where the task condenses raw
outputs) and what a sample costs a processor (`cpu.json`) lie in the package's folder `reference`; those of the suite's
own workloads under `results/reference/<name>/`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Model, Unsupported
from bench.models.base import NamedArrays, Reference, SharingSpec, Workload, WorkloadSpec
from bench.models.cpu_cost import CpuCost, read_cpu_cost
from bench.models.stress_reference import StressReference, read_stress_reference
from bench.plugins import PluginError, load_plugin, plugin_names
from bench.records.untrusted import read_json, read_toml
from bench.tasks.ragged import unpacked

GROUP = "bench.workloads"
DATA_MEMBERS = ("EVALUATION_SIZE", "evaluation_inputs", "evaluation_labels", "load_inputs")
REFERENCE = "reference"
_REFERENCE_ROOT = Path(__file__).resolve().parent.parent / "results" / "reference"


class _ReferenceFile(msgspec.Struct, frozen=True, kw_only=True):
    metric: str
    value: float
    interval: tuple[float, float]
    samples: int
    evaluation_sha256: str
    computed_with: dict[str, str]


class _Borrows(msgspec.Struct, frozen=True, kw_only=True):
    network_of: str | None = None


class SuiteWorkload:
    """A workload package, its data module imported at first use; `folder` is that of the network."""

    def __init__(self, package: ModuleType, lends: bool = False) -> None:
        """With `lends` the network must be its own. Raises BadFile for its TOML, and PluginError for whose it names."""
        self._own = self._package = package.__name__
        self.folder = Path(str(package.__file__)).resolve().parent
        specification = self.folder / "workload.toml"
        lender = read_toml(specification, _Borrows).network_of
        if lender is None:
            self.spec = read_toml(specification, WorkloadSpec)
            self._lender = self.spec.name
        elif lends:
            raise PluginError(f"{specification}: a network is wanted of this workload, which has that of {lender!r}.")
        else:
            self._borrow(lender, read_toml(specification, SharingSpec))

    def _borrow(self, lender: str, spec: SharingSpec) -> None:
        other = _suite_workload(lender, lends=True)
        self._package, self.folder, self._lender = other._package, other.folder, lender
        self.spec = spec.over(other.spec)

    @property
    def data_module(self) -> str:
        """Dotted name of the module that its samples come from."""
        return f"{self._package}.data"

    def model(self, precision: str = "fp32") -> Model:
        network = f"{self._package}.network"
        path = self._int8_file() if precision == "int8" else self.folder / self.spec.model.graph
        return Model(
            path=path,
            inputs=self.spec.inputs,
            outputs=self.spec.outputs,
            varying=self.spec.varying,
            # Found, not imported: it needs torch. A module knows nothing of how its network was quantised.
            network=network if precision != "int8" and find_spec(network) else None,
        )

    def load_inputs(self, count: int, seed: int) -> NamedArrays:
        inputs: NamedArrays = self._data().load_inputs(count, seed)
        return inputs

    def evaluation_inputs(self, indices: NDArray[np.int64]) -> NamedArrays:
        inputs: NamedArrays = self._data().evaluation_inputs(indices)
        return inputs

    def evaluation_raw(self, indices: NDArray[np.int64]) -> NamedArrays:
        return self.evaluation_inputs(indices)  # what is prepared is prepared in the graph

    def prepared(self, raw: NamedArrays) -> NamedArrays:
        return raw

    def evaluation_labels(self, indices: NDArray[np.int64]) -> NDArray[np.generic] | None:
        labels: NDArray[np.generic] = self._data().evaluation_labels(indices)
        return labels

    def words(self) -> tuple[tuple[int, ...], ...]:
        """The words of its texts (`WORDS` of the data module), each by the ids of its characters; else none."""
        return tuple(getattr(self._data(), "WORDS", ()))

    def calibration_inputs(self, count: int) -> NamedArrays:
        """The first `count` samples that int8 is calibrated on, never evaluation samples. Raises PluginError."""
        data = self._data()
        if not hasattr(data, "calibration_inputs"):
            message = f"The data module of workload {self.spec.name!r} lacks calibration_inputs, which int8 needs."
            raise PluginError(message)
        inputs: NamedArrays = data.calibration_inputs(count)
        return inputs

    @property
    def reference_folder(self) -> Path:
        """Where what is known of its network lies: in its package, or with the suite's own workloads."""
        own = self.folder / REFERENCE
        return own if own.exists() else reference_root() / self._lender

    def cpu_cost(self) -> CpuCost | None:
        """What a sample costs a processor, as it is stored; None when it is not."""
        return read_cpu_cost(self.reference_folder)

    def reference(self) -> Reference | None:
        folder = self.reference_folder
        if not (folder / "reference.json").exists():
            return None
        from safetensors.numpy import load_file

        kept = read_json(folder / "reference.json", _ReferenceFile)
        stored, condensed = load_file(folder / "outputs.safetensors"), folder / "answers.safetensors"
        return Reference(
            value=kept.value,
            evaluation_sha256=kept.evaluation_sha256,
            # In the model's order, which the file does not keep.
            outputs={tensor.name: stored[tensor.name] for tensor in self.spec.outputs if tensor.name in stored},
            condensed=unpacked(load_file(condensed)) if condensed.exists() else None,
        )

    def stress_reference(self) -> StressReference | None:
        return read_stress_reference(reference_root() / self._lender)

    def film(self, number: int) -> Iterator[NDArray[np.uint8]]:
        """The pictures (height, width, 3), RGB, of film `number` of those in `spec.video`. Raises PluginError."""
        assert self.spec.video is not None
        module = importlib.import_module(f"{self._own}.footage")
        if not hasattr(module, "film"):
            raise PluginError(f"The module footage of workload {self.spec.name!r} lacks film.")
        pictures: Iterator[NDArray[np.uint8]] = module.film(number, self.spec.video.frames)
        return pictures

    def _int8_file(self) -> Path:
        int8, name = self.spec.int8, self.spec.name
        if int8 is None:
            raise Unsupported(
                f"{name} has no int8 file, which `--precision int8` runs; "
                f"`python -m bench.models.quantise {self._lender}` makes one."
            )
        if not (self.folder / int8.graph).is_file():
            raise Unsupported(f"{self.folder / int8.graph} is missing; install {name} again, or make the file anew.")
        return self.folder / int8.graph

    def _data(self) -> ModuleType:
        module = importlib.import_module(self.data_module)
        missing = [member for member in DATA_MEMBERS if not hasattr(module, member)]
        if missing:
            raise PluginError(f"The data module of workload {self.spec.name!r} lacks {', '.join(missing)}.")
        return module


def reference_root() -> Path:
    """Folder of the reference answers, in a checkout and in an installed wheel alike."""
    installed = Path(__file__).parent.parent / "reference"
    return installed if installed.exists() else _REFERENCE_ROOT


def workload_names() -> list[str]:
    """Sorted names of the installed workloads; imports none."""
    return plugin_names(GROUP)


def load_workload(name: str) -> Workload:
    """The workload called `name`. Raises PluginError when unknown or broken, BadFile for its TOML."""
    return _suite_workload(name)


def _suite_workload(name: str, lends: bool = False) -> SuiteWorkload:
    package = load_plugin(GROUP, name, ("__path__",))
    if not isinstance(package, ModuleType) or package.__file__ is None:
        raise PluginError(f"The workload {name!r} is registered as {package!r}; it must be a package with __init__.py.")
    return SuiteWorkload(package, lends)
