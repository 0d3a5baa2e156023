"""PyTorch behind the seam: the suite's own modules with the shipped weights, on the CPU or on any accelerator it has.

All workers share one module; each has its own session. The number of threads is one for the whole process.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.backends.base import EngineError, Model, Options, Session, Unsupported
from bench.backends.checks import check_precision, check_settings, missing_package
from bench.backends.compiling import compilation
from bench.backends.torch_graphs import GraphSession
from bench.backends.torch_sessions import DeviceSession, Driver, HostSession, Network, torch_failure
from bench.processor import processor_name
from bench.records.host import Device, Facts
from bench.records.plan import Setting

if TYPE_CHECKING:
    import torch

_SETTINGS: dict[str, tuple[Setting, ...]] = {
    "channels_last": (False, True),
    "compile": (False, True),
    "graphs": (False, True),
    "tf32": (False, True),
}
_TYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
# Instructions as torch names them; without them it would compute in fp32 and round, which is slower and no precision.
_CPU_HAS = {
    "bf16": ("avx512_bf16", "amx_bf16", "avx10_2", "bf16", "sve_bf16"),
    "fp16": ("avx512_fp16", "amx_fp16", "avx10_2", "fp16_arith"),
}


class TorchBackend:
    """Settings: `channels_last`, `compile` (torch.compile with inductor), `graphs` and `tf32` (CUDA only).

    All are false by default. With `graphs` each worker records batches of some sizes as CUDA graphs when it opens.

    Precisions other than fp32 convert the module itself: weights, buffers and so all floating arithmetic.
    """

    name = "torch"

    def devices(self) -> list[Device]:
        if missing_package("torch", "torch") is not None:
            return []
        import torch

        able = torch.cpu.get_capabilities()
        more = tuple(name for name, keys in _CPU_HAS.items() if any(able.get(key) for key in keys))
        return [Device(kind="cpu", title=processor_name(), precisions=("fp32", *more)), *accelerators()[0]]

    def unusable(self) -> dict[str, str]:
        return {} if missing_package("torch", "torch") is not None else accelerators()[1]

    def why_none(self) -> str:
        return missing_package("torch", "torch") or "torch sees no device on this host"

    def compile(self, model: Model, device: Device, options: Options) -> _Compiled:
        check_precision(self.name, device, options)
        check_settings(self.name, options.settings, _SETTINGS)
        if model.network is None:
            raise Unsupported(
                f"torch runs the suite's own networks and reads no ONNX files such as {model.path.name}; "
                "use `--backend onnxruntime` or `--backend openvino` for it."
            )
        if options.settings.get("tf32") and (device.kind != "cuda" or options.precision != "fp32"):
            raise Unsupported(
                f"torch's setting 'tf32' is for fp32 on cuda, not for {options.precision} on {device.kind}."
            )
        if options.settings.get("graphs") and (device.kind != "cuda" or model.varying is not None):
            what = "samples of one length" if device.kind == "cuda" else f"cuda, not for {device.kind}"
            raise Unsupported(f"torch's setting 'graphs' is for {what}: a recording is of one form.")
        return _Compiled(model, model.network, device, options)


def accelerators() -> tuple[list[Device], dict[str, str]]:
    """What this build of torch drives beside the CPU: what can be used, and why the rest cannot, by kind or address."""
    import torch

    built = torch.accelerator.current_accelerator()
    if built is None:
        return [], {"cuda": f"torch {torch.__version__} is built for the CPU only"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of what is told here
        count = torch.accelerator.device_count() if torch.accelerator.is_available() else 0
    if count == 0:
        return [], {built.type: _why_not(built.type)}
    found, refused = [], {}
    for index in range(count):
        try:
            found.append(_accelerator(built.type, index))
        except Exception as error:  # noqa: BLE001 - a card that is busy or broken leaves the others usable
            refused[f"{built.type}:{index}"] = _first_line(error)
    return found, refused


def _why_not(kind: str) -> str:
    import torch

    try:
        torch.get_device_module(kind).init()
    except Exception as error:  # noqa: BLE001 - a driver that is missing or too old says so in its own way
        return _first_line(error)
    return "its driver reports no device"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__


def _accelerator(kind: str, index: int) -> Device:
    """A device of any kind, through the functions that torch asks each kind's module to have."""
    import torch

    module = torch.get_device_module(kind)
    properties = module.get_device_properties(index)
    ask = getattr(module, "is_bf16_supported", None)
    return Device(
        kind=kind,
        index=index,
        title=str(getattr(properties, "name", kind)),
        memory_bytes=getattr(properties, "total_memory", None),
        precisions=("fp32", "fp16", "bf16") if ask is not None and ask() else ("fp32", "fp16"),
    )


class _Compiled:
    def __init__(self, model: Model, network: str, device: Device, options: Options) -> None:
        import torch

        self._model, self._options = model, options
        self._device = torch.device("cpu") if device.kind == "cpu" else torch.device(device.kind, device.index)
        self._executed: torch.dtype = getattr(torch, _TYPES[options.precision])
        torch.set_num_threads(options.threads)
        arithmetic = _float32_arithmetic(bool(options.settings.get("tf32", False)))
        self._network: Network | None
        self._sizes: tuple[int, ...] = ()  # of the batches that were recorded
        with compilation() as effort:
            module = _shipped(model, network)
            try:
                module = module.to(self._device, self._executed).eval()
                if options.settings.get("channels_last"):
                    module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            except Exception as error:  # a device's driver may raise anything
                raise torch_failure(error, f"torch cannot move {model.path.name} to {device.address}") from error
            self._network = self._made_ready(module)
        self.facts = Facts(
            engine="torch",
            engine_version=str(torch.__version__),  # a type of its own, which records do not know
            precision_executed=_precision(module, arithmetic if device.kind == "cuda" else "ieee"),
            device_operator_share=1.0 if {one.device for one in _tensors(module)} == {self._device} else None,
            compile_s=effort.seconds,
            memory_bytes=effort.memory_bytes if device.kind == "cpu" else _device_bytes(module),
            applied={
                "threads": torch.get_num_threads(),
                "channels_last": _is_channels_last(module),
                "compile": bool(options.settings.get("compile", False)),
                "graphs": ", ".join(map(str, self._sizes)) or False,
                "float32_arithmetic": arithmetic,
            },
        )

    def open(self, worker: int) -> Session:
        assert self._network is not None
        most = self._options.max_batch
        if self._device.type == "cpu":
            return HostSession(self._network, self._model, most, self._executed)
        kind = GraphSession if self._options.settings.get("graphs") else DeviceSession
        try:
            return kind(self._network, self._model, most, self._executed, Driver(self._device))
        except EngineError:
            raise  # the module answers in another form than declared
        except Exception as error:  # as above; its buffers are what there may be no memory for
            raise torch_failure(error, f"torch cannot open a session for batches of {most}") from error

    def close(self) -> None:
        self._network = None

    def _made_ready(self, module: torch.nn.Module) -> Network:
        """The module as sessions call it. What works at a first call, or as a session opens, is tried here."""
        import torch

        compiled, graphs = (bool(self._options.settings.get(name)) for name in ("compile", "graphs"))
        self._network = module
        if compiled:
            # The whole graph or none: what torch.compile leaves out silently would be a fact that nobody states.
            self._network = torch.compile(module, fullgraph=True, dynamic=self._model.varying is not None)
        if compiled or graphs:
            self._try("torch.compile fails" if compiled else "torch's CUDA graphs fail")
        return self._network

    def _try(self, failure: str) -> None:
        """A session opened and asked once. Raises EngineError that says `failure` where torch raises anything."""
        most = self._options.max_batch
        batch, out = (
            {t.name: np.zeros((most, *t.shape), t.dtype) for t in tensors}
            for tensors in (self._model.inputs, self._model.outputs)
        )
        try:
            session = self.open(0)
            session.run(batch, out)
        except EngineError as error:
            if not isinstance(error.__cause__, Exception):
                raise  # the module answers in another form than declared, compiled or not
            raise torch_failure(error.__cause__, failure) from error.__cause__
        if isinstance(session, GraphSession):
            self._sizes = session.sizes
        session.close()


def _shipped(model: Model, network: str) -> torch.nn.Module:
    """The workload's own module with the weights of the shipped graph. Raises EngineError where it cannot be had."""
    import torch

    module = importlib.import_module(network)
    if not hasattr(module, "load_shipped"):
        raise EngineError(f"The module {network} has no load_shipped(graph), which the torch backend calls.")
    try:
        built = module.load_shipped(model.path)
    except Exception as error:  # a damaged file shows in readers of many kinds
        raise torch_failure(error, f"torch cannot load {model.path.name}") from error
    if not isinstance(built, torch.nn.Module):
        raise EngineError(f"load_shipped of {network} gave {type(built).__name__}; expected a torch.nn.Module.")
    return built


def _float32_arithmetic(tf32: bool) -> str:
    """Set how float32 products are computed, and read it back: ieee or tf32.

    Torch's own default lets convolutions on CUDA round their factors to ten bits.
    """
    import torch

    backends: Any = torch.backends  # these modules find their attributes when they are asked for
    wanted = "tf32" if tf32 else "ieee"
    places = (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn)
    for place in (backends.mkldnn.matmul, backends.mkldnn.conv):
        place.fp32_precision = "ieee"
    for place in places:
        place.fp32_precision = wanted
    return "ieee" if all(place.fp32_precision == "ieee" for place in places) else "tf32"


def _tensors(module: torch.nn.Module) -> list[torch.Tensor]:
    return [*module.parameters(), *module.buffers()]


def _precision(module: torch.nn.Module, float32_arithmetic: str) -> str:
    """The coarsest type among the module's own floating tensors."""
    held = {str(one.dtype).removeprefix("torch.") for one in _tensors(module) if one.is_floating_point()}
    names = {name for name, kind in _TYPES.items() if kind in held}
    coarsest = next((name for name in ("bf16", "fp16") if name in names), "fp32")
    return "tf32" if coarsest == "fp32" and float32_arithmetic == "tf32" else coarsest


def _is_channels_last(module: torch.nn.Module) -> bool:
    import torch

    def strides(shape: torch.Size) -> tuple[int, ...]:
        return torch.empty(shape, device="meta", memory_format=torch.channels_last).stride()

    # `is_contiguous` says yes for both orders where an axis has one element, and torch goes by the strides.
    filters = [one for one in module.parameters() if one.ndim == 4]
    return bool(filters) and all(one.stride() == strides(one.shape) for one in filters)


def _device_bytes(module: torch.nn.Module) -> int:
    return sum(one.numel() * one.element_size() for one in _tensors(module))


BACKEND = TorchBackend()
