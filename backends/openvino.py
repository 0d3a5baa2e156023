"""OpenVINO behind the seam: its CPU, GPU and NPU devices, and the precision that it really executes in.

One compiled model for all workers, one infer request each; a stream per worker lets them run at once.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.backends.arithmetic import coarsest, int8_share, told
from bench.backends.base import Arrays, EngineError, Model, Options, Tensor, Unsupported
from bench.backends.causes import translated
from bench.backends.checks import check_precision, check_settings, missing_package
from bench.backends.compiling import compilation
from bench.backends.openvino_readback import applied, arithmetic, reason
from bench.records.host import Device, Facts
from bench.records.plan import Setting

if TYPE_CHECKING:
    import openvino

_MOST_STREAMS = 1024
_MARK = 0xFF
# Words of its plug-ins for GPU and CPU; elsewhere the driver's or the C++ library's are there.
_NO_MEMORY = ("Exceeded max size of memory", "Failed to allocate ")
_SETTINGS: dict[str, tuple[Setting, ...] | range] = {
    "hint": ("latency", "throughput"),
    "streams": range(1, _MOST_STREAMS + 1),
    "inference_precision": ("asked", "auto"),
    "batch_axis": ("fixed", "free"),
}
# Of a device's capabilities; INT8 says that it runs quantised files, and makes none of one that is not.
_CAPABILITIES = {"FP32": "fp32", "FP16": "fp16", "BF16": "bf16", "INT8": "int8"}
# For what is in floating point: all of a file, or what a quantised one leaves so.
_HINTS = {"fp32": "f32", "fp16": "f16", "bf16": "bf16", "int8": "f32"}
_FLOATS = ("fp32", "fp16", "bf16")


class OpenVinoBackend:
    """Settings, all optional.

    `hint`: latency (default) or throughput. `streams`: how many requests are worked on at once; by default one per
    worker, under `throughput` OpenVINO's own choice for that many. `inference_precision`: asked (default, what
    `--precision` says) or auto (OpenVINO's choice, as its own tools run it; the facts say which). `batch_axis`: fixed
    (compiled for the largest batch, smaller ones are filled up; the default where all batches have that size) or free.
    """

    name = "openvino"

    def devices(self) -> list[Device]:
        if missing_package("openvino", "openvino") is not None:
            return []
        _keep_quiet()
        import openvino

        return _listed(openvino.Core())[0]

    def unusable(self) -> dict[str, str]:
        if missing_package("openvino", "openvino") is not None:
            return {}
        _keep_quiet()
        import openvino

        return _listed(openvino.Core())[1]

    def why_none(self) -> str:
        return missing_package("openvino", "openvino") or "OpenVINO sees no device on this host"

    def compile(self, model: Model, device: Device, options: Options) -> _Compiled:
        check_precision(self.name, device, options)
        check_settings(self.name, options.settings, _SETTINGS)
        return _Compiled(model, device, options)


def _keep_quiet() -> None:
    """Have OpenVINO take its own stand-in for its telemetry, which would write into the home folder and call home."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # how Python spells "not to be had"


def _listed(core: openvino.Core) -> tuple[list[Device], dict[str, str]]:
    """The devices that OpenVINO names, and why those that do not answer for themselves cannot be used."""
    found, refused = [], {}
    for name in core.available_devices:
        try:
            found.append(_device(core, name))
        except RuntimeError as error:  # one driver that is broken leaves the others usable
            kind, _, number = name.partition(".")
            refused[f"{kind.lower()}:{number or 0}"] = reason(error)
    return found, refused


def _device(core: openvino.Core, name: str) -> Device:
    kind, _, number = name.partition(".")
    capabilities = core.get_property(name, "OPTIMIZATION_CAPABILITIES")
    named = tuple(one for key, one in _CAPABILITIES.items() if key in capabilities)
    return Device(
        kind=kind.lower(),
        index=int(number or 0),
        title=str(core.get_property(name, "FULL_DEVICE_NAME")),
        memory_bytes=_by_ending(core, name, "DEVICE_TOTAL_MEM_SIZE"),
        # A model is an fp32 file: a device that names no floating point at all converts it to what it has.
        precisions=named if set(named) & set(_FLOATS) else ("fp32", *named),
    )


def _by_ending(core: openvino.Core, device: str, ending: str) -> int | None:
    """A figure that each kind of device has under a name of its own (GPU_…, NPU_…)."""
    keys = [key for key in core.get_property(device, "SUPPORTED_PROPERTIES") if key.endswith(ending)]
    return int(core.get_property(device, keys[0])) if keys else None


def _address(core: openvino.Core, device: Device) -> str:
    """OpenVINO's name of a device: the number is left out where there is only one of its kind."""
    names: list[str] = core.available_devices
    for name in names:
        kind, _, number = name.partition(".")
        if (kind.lower(), int(number or 0)) == (device.kind, device.index):
            return name
    raise Unsupported(f"openvino sees {', '.join(names) or 'no device'}; {device.address} has gone.")


class _Compiled:
    def __init__(self, model: Model, device: Device, options: Options) -> None:
        _keep_quiet()
        import openvino

        self._model = model
        axis = options.settings.get("batch_axis", "free" if options.varying_batch else "fixed")
        self._batch: int | None = None if axis == "free" else options.max_batch
        try:
            core = openvino.Core()
            name = _address(core, device)
            with compilation() as effort:
                self._compiled: openvino.CompiledModel | None = core.compile_model(
                    self._read(core, options.max_batch), name, _configuration(core, name, options)
                )
        except EngineError:
            raise
        except (RuntimeError, MemoryError) as error:
            line = f"openvino cannot compile {model.path.name}: {reason(error)}"
            raise translated(error, line, _NO_MEMORY) from error
        self._inputs = _ports(self._compiled.inputs, model.inputs, "input")
        self._outputs = _ports(self._compiled.outputs, model.outputs, "output")
        counted, properties = arithmetic(self._compiled), applied(self._compiled)
        properties["batch_axis"] = "fixed" if self._batch else "free"
        properties["arithmetic"] = told(counted)
        self.facts = Facts(
            engine="openvino",
            engine_version=openvino.__version__,
            precision_executed=coarsest(counted) or str(properties.get("inference_precision_hint", "unknown")),
            int8_share=int8_share(counted),
            device_operator_share=1.0 if list(self._compiled.get_property("EXECUTION_DEVICES")) == [name] else None,
            compile_s=effort.seconds,
            memory_bytes=effort.memory_bytes if device.kind == "cpu" else None,
            applied=properties,
        )

    def open(self, worker: int) -> _Session:
        assert self._compiled is not None
        try:
            request = self._compiled.create_infer_request()
        except (RuntimeError, MemoryError) as error:  # its buffers are made here
            raise translated(error, f"openvino cannot open a session: {reason(error)}", _NO_MEMORY) from error
        dynamic = any(port.partial_shape.is_dynamic for port in self._compiled.inputs)
        return _Session(request, self._inputs, self._outputs, self._batch, dynamic)

    def close(self) -> None:
        self._compiled = None

    def _read(self, core: openvino.Core, batch: int) -> openvino.Model:
        network = core.read_model(str(self._model.path))
        if self._batch is not None and self._model.fixed_batch is None:
            network.reshape({tensor.name: [batch, *self._shape(tensor)] for tensor in self._model.inputs})
        return network

    def _shape(self, tensor: Tensor) -> tuple[int | openvino.Dimension, ...]:
        import openvino

        varying = self._model.varying
        if varying is None or tensor.name not in varying.units:
            return tensor.shape
        return (openvino.Dimension(1, tensor.shape[0]), *tensor.shape[1:])


def _configuration(core: openvino.Core, device: str, options: Options) -> dict[str, object]:
    """What is asked of OpenVINO; a device is asked only for what it knows."""
    settings = options.settings
    hint = str(settings.get("hint", "latency"))
    wanted: dict[str, object] = {
        "PERFORMANCE_HINT": hint.upper(),
        # OpenVINO counts the threads of all streams together.
        "INFERENCE_NUM_THREADS": options.threads * options.workers,
    }
    if "streams" in settings or hint == "latency":
        wanted["NUM_STREAMS"] = settings.get("streams", options.workers)
    else:  # how many requests there will be, from which OpenVINO finds its streams; it would also cut given ones
        wanted["PERFORMANCE_HINT_NUM_REQUESTS"] = options.workers
    if settings.get("inference_precision", "asked") == "asked":
        # Left to itself OpenVINO takes bf16 wherever the processor has it, for files that say float32.
        wanted["INFERENCE_PRECISION_HINT"] = _HINTS[options.precision]
    supported = core.get_property(device, "SUPPORTED_PROPERTIES")
    return {key: value for key, value in wanted.items() if key in supported}


def _ports(ports: list[openvino.ConstOutput], declared: tuple[Tensor, ...], what: str) -> list[tuple[int, Tensor]]:
    """Position and declaration of each tensor. Raises EngineError where the engine's differs from the declaration."""
    known = {name: (position, port) for position, port in enumerate(ports) for name in port.names}
    found = []
    for tensor in declared:
        if tensor.name not in known:
            raise EngineError(f"openvino finds no {what} {tensor.name!r} in the model; it has {', '.join(known)}.")
        position, port = known[tensor.name]
        shape = [int(one.get_length()) if one.is_static else None for one in port.partial_shape][1:]
        differs = [seen for seen, said in zip(shape, tensor.shape, strict=False) if seen not in (said, None)]
        if port.element_type.to_dtype() != tensor.dtype or len(shape) != len(tensor.shape) or differs:
            seen = f"{port.element_type.get_type_name()}{shape}"
            raise EngineError(
                f"openvino has {what} {tensor.name!r} as {seen}; declared is {tensor.dtype}{list(tensor.shape)}."
            )
        found.append((position, tensor))
    return found


class _Session:
    def __init__(
        self,
        request: openvino.InferRequest,
        inputs: list[tuple[int, Tensor]],
        outputs: list[tuple[int, Tensor]],
        batch: int | None,
        dynamic: bool,
    ) -> None:
        import openvino

        self._request: openvino.InferRequest | None = request
        self._tensor = openvino.Tensor
        self._inputs, self._outputs, self._batch, self._dynamic = inputs, outputs, batch, dynamic

    def run(self, batch: Arrays, out: Arrays) -> None:
        samples = len(batch[self._inputs[0][1].name])
        if self._batch is None or samples == self._batch:
            self._infer(batch, out, samples)
            return
        if samples > self._batch:
            raise EngineError(f"openvino: a batch of {samples} came; it is made ready for {self._batch} at most.")
        filled = {name: np.resize(array, (self._batch, *array.shape[1:])) for name, array in batch.items()}
        answers = {t.name: np.empty((self._batch, *out[t.name].shape[1:]), t.dtype) for _, t in self._outputs}
        self._infer(filled, answers, self._batch)
        for name, answer in answers.items():
            np.copyto(out[name], answer[:samples])

    def close(self) -> None:
        self._request = None

    def _infer(self, batch: Arrays, out: Arrays, samples: int) -> None:
        request = self._request
        assert request is not None
        if any(len(array) != samples for array in (*batch.values(), *out.values())):
            sizes = {name: len(array) for name, array in (*batch.items(), *out.items())}
            raise EngineError(f"openvino: inputs and outputs of one batch have different lengths: {sizes}.")
        try:  # OpenVINO itself refuses another element type or shape than the model's
            # Both sides are the harness's own memory: nothing is copied on the host where the device can do without.
            for position, tensor in self._inputs:
                request.set_input_tensor(position, self._tensor(_shareable(batch[tensor.name]), shared_memory=True))
            for position, tensor in self._outputs:
                request.set_output_tensor(position, self._tensor(out[tensor.name], shared_memory=True))
            marks = [_marked(out[tensor.name]) for _, tensor in self._outputs] if self._dynamic else []
            request.infer()
            # Where forms are dynamic, infer() of OpenVINO 2026.4 keeps to itself what wait() raises: a lack of memory.
            if marks and all((end == _MARK).all() for end in marks):
                request.start_async()
                request.wait()
        except (RuntimeError, MemoryError) as error:
            raise translated(error, f"openvino: {reason(error)}", _NO_MEMORY) from error


def _marked(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """The last element's bytes, made such as no answer has them: NaN in every float."""
    end = array.reshape(-1)[-1:].view(np.uint8)
    end.fill(_MARK)
    return end


def _shareable(array: NDArray[np.generic]) -> NDArray[np.generic]:
    return array if array.flags.c_contiguous and array.flags.writeable else array.copy()


BACKEND = OpenVinoBackend()
