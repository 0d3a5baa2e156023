"""ONNX Runtime behind the seam: its CPU engine and whatever other execution providers the installed build offers.

One InferenceSession per worker, each with its own threads, so that workers do not queue for one thread pool.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench.backends.arithmetic import coarsest, int8_share, told
from bench.backends.base import EngineError, Model, Options, Session, Tensor, Unsupported
from bench.backends.checks import check_precision, check_settings
from bench.backends.compiling import compilation
from bench.backends.onnxruntime_readback import arithmetic, is_quantised
from bench.backends.onnxruntime_sessions import MEMORY, BoundSession, Driver, FedSession, failure, host_accessible
from bench.plugins import suggestion
from bench.processor import processor_name
from bench.records.host import Device, Facts
from bench.records.plan import Setting

if TYPE_CHECKING:
    import onnxruntime

_HOST, _SUFFIX = "CPUExecutionProvider", "ExecutionProvider"
_PREFIX = "provider."
_LEVELS = {
    "disable": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
_SETTINGS: dict[str, tuple[Setting, ...]] = {
    "graph_optimization": tuple(_LEVELS),
    "spinning": (True, False),
    "io_binding": (True, False),
}
# How providers' own options, which they report with their defaults, end where they let arithmetic be coarser than the
# file's float32; from the finest to the coarsest.
_COARSER = {"use_tf32": "tf32", "fp16_enable": "fp16", "bf16_enable": "bf16", "int8_enable": "int8"}


class OnnxRuntimeBackend:
    """Settings: `graph_optimization` = disable, basic, extended or all; `spinning` = true or false.

    `io_binding` = false leaves it to onnxruntime how batches come to a device with memory of its own.

    `provider.NAME` is handed to the execution provider as its option NAME.
    """

    name = "onnxruntime"

    def devices(self) -> list[Device]:
        """The CPU first; others under their provider's name in small letters, as far as the build has them.

        Whether a provider finds its driver shows when a model is compiled; `unusable` tries.
        """
        import onnxruntime

        offered: list[str] = onnxruntime.get_available_providers()
        return [
            Device(
                kind=_kind(one),
                title=processor_name() if one == _HOST else one,
                # What another provider makes of a quantised file nobody can read back, so int8 is not offered there.
                precisions=("fp32", "int8") if one == _HOST else ("fp32",),
            )
            for one in sorted(offered, key=lambda one: one != _HOST)
        ]

    def unusable(self) -> dict[str, str]:
        """Providers that the build has and that do not start here, found by loading a network of one operator."""
        import onnxruntime

        refused = {}
        with tempfile.TemporaryDirectory() as folder:
            model = _smallest(Path(folder) / "smallest.onnx")
            for provider in (one for one in onnxruntime.get_available_providers() if one != _HOST):
                try:
                    _load(model, provider, Options(precision="fp32", max_batch=1, workers=1, threads=1))
                except EngineError as error:
                    refused[_kind(provider)] = str(error)
        return refused

    def compile(self, model: Model, device: Device, options: Options) -> _Compiled:
        check_precision(self.name, device, options)
        own = {key: value for key, value in options.settings.items() if not key.startswith(_PREFIX)}
        check_settings(self.name, own, _SETTINGS)
        provider = _provider(device)
        if options.settings.get("io_binding") and provider not in MEMORY:
            raise Unsupported(
                f"onnxruntime's setting 'io_binding' is for devices with memory of their own, not for {device.kind}."
            )
        return _Compiled(model, provider, options)


def _smallest(path: Path) -> Model:
    from onnx import TensorProto, helper, save

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "smallest", [x], [y])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    a, b = (Tensor(name=name, dtype="float32", shape=(1,)) for name in "xy")
    return Model(path=path, inputs=(a,), outputs=(b,))


def _kind(provider: str) -> str:
    return provider.removesuffix(_SUFFIX).lower()


def _provider(device: Device) -> str:
    import onnxruntime

    offered: list[str] = onnxruntime.get_available_providers()
    for provider in offered:
        if _kind(provider) == device.kind:
            return provider
    raise Unsupported(f"This build of onnxruntime has no provider for {device.kind!r}; it has {', '.join(offered)}.")


class _Compiled:
    def __init__(self, model: Model, provider: str, options: Options) -> None:
        import onnxruntime

        self._model, self._options, self._provider = model, options, provider
        counted: Counter[str] = Counter()
        with compilation() as effort:
            self._first: onnxruntime.InferenceSession | None
            if provider == _HOST and is_quantised(model.path):
                self._first, counted = _load_and_count(model, options)
            else:
                self._first = _load(model, provider, options)
        reported = self._first.get_provider_options().get(provider, {})
        self._index = int(reported.get("device_id", 0))
        self._bound = provider in MEMORY and options.settings.get("io_binding", True) is True
        self.facts = Facts(
            engine="onnxruntime",
            engine_version=onnxruntime.__version__,
            # A file that is not quantised is fp32 whatever was asked for, unless a provider may compute more coarsely.
            precision_executed=coarsest(counted) or executed("fp32", reported),
            int8_share=int8_share(counted),
            # Where only the CPU provider is registered, no operator can have run anywhere else.
            device_operator_share=1.0 if provider == _HOST else _assigned_share(self._first, provider),
            compile_s=effort.seconds,
            memory_bytes=effort.memory_bytes if provider == _HOST else None,
            applied={
                "intra_op_threads": options.threads,
                "graph_optimization": str(options.settings.get("graph_optimization", "all")),
                "spinning": bool(options.settings.get("spinning", True)),
                "providers": ",".join(self._first.get_providers()),
                **self._copies(),
                **({"arithmetic": told(counted)} if counted else {}),
                **applied_options(provider, _asked(options), reported),
            },
        )

    def open(self, worker: int) -> Session:
        # The first worker takes the session that was loaded to learn the facts; loading it twice would double memory.
        loaded, self._first = self._first, None
        session = loaded or _load(self._model, self._provider, self._options)
        fed, most = FedSession(session, self._model), self._options.max_batch
        if not self._bound:
            return fed
        try:
            return BoundSession(fed, self._model, most, Driver(session, self._provider, self._index))
        except Exception as error:  # its tensors are what there may be no memory for
            raise failure(error, f"onnxruntime cannot open a session for batches of {most}") from error

    def close(self) -> None:
        self._first = None

    def _copies(self) -> dict[str, Setting]:
        """How batches reach a device's memory; nothing to say of the host's."""
        if not self._bound:
            return {"io_binding": False} if self._provider in MEMORY else {}
        return {"io_binding": True, "pinned": host_accessible(self._provider, self._index) is not None}


def _load_and_count(model: Model, options: Options) -> tuple[onnxruntime.InferenceSession, Counter[str]]:
    """A session on the CPU, and the arithmetic of its graph, which it writes down once while it is made."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / "optimised.onnx"
            session = _load(model, _HOST, options, written)
            return session, arithmetic(written)
    except OSError as error:
        raise EngineError(
            f"onnxruntime cannot write down the graph that it runs, from which its precision is read: "
            f"{error.strerror or error}. Point TMPDIR at a folder with room for the weights of {model.path.name}."
        ) from error


def _load(model: Model, provider: str, options: Options, optimised: Path | None = None) -> onnxruntime.InferenceSession:
    """A session; `optimised` is where it writes the graph that it will run."""
    import onnxruntime

    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = options.threads
    session_options.inter_op_num_threads = 1
    session_options.log_severity_level = 3
    level = _LEVELS[str(options.settings.get("graph_optimization", "all"))]
    session_options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    spinning = "1" if options.settings.get("spinning", True) else "0"
    session_options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    # Without it sums of 8-bit products saturate at 16 bits on processors that have AVX2 but no VNNI; others ignore it.
    session_options.add_session_config_entry("session.x64quantprecision", "1")
    if optimised is not None:
        session_options.optimized_model_filepath = str(optimised)
    if provider != _HOST:
        session_options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    wanted = [(provider, _asked(options)), *([] if provider == _HOST else [(_HOST, {})])]
    try:
        # With its fallback onnxruntime would print the reason and go on with the CPU alone.
        session = onnxruntime.InferenceSession(str(model.path), session_options, providers=wanted, enable_fallback=0)
    except Exception as error:  # as above
        raise failure(error, f"onnxruntime cannot load {model.path.name}") from error
    if provider not in session.get_providers():
        # What it does all the same where a library is missing: a warning, and the CPU.
        raise EngineError(
            f"onnxruntime could not start {provider} and would run on {', '.join(session.get_providers())}; "
            "see the provider's requirements (driver, libraries, versions)."
        )
    return session


def _asked(options: Options) -> dict[str, str]:
    """Provider options as onnxruntime takes them: texts, truth values as 1 and 0."""
    return {
        key.removeprefix(_PREFIX): str(int(value)) if isinstance(value, bool) else str(value)
        for key, value in options.settings.items()
        if key.startswith(_PREFIX)
    }


def applied_options(provider: str, asked: Mapping[str, str], reported: Mapping[str, str]) -> dict[str, Setting]:
    """A provider's options as it reports them. Raises Unsupported for one that it does not know.

    Some providers report none, and onnxruntime takes any name without a word: what was asked of them is told apart.
    """
    unknown = [name for name in asked if name not in reported]
    if reported and unknown:
        raise Unsupported(f"{provider} has no option {unknown[0]!r}.{suggestion(unknown[0], list(reported))}")
    unconfirmed = ", ".join(f"{name}={asked[name]}" for name in unknown)
    told: dict[str, Setting] = {f"{_PREFIX}{name}": value for name, value in reported.items()}
    return told | ({"provider_options_unconfirmed": unconfirmed} if unconfirmed else {})


def executed(asked: str, reported: Mapping[str, str]) -> str:
    """The precision that a provider's reported options allow: the coarsest that is switched on."""
    on = [name for name, value in reported.items() if value.lower() in ("1", "true")]
    found = [one for ending, one in _COARSER.items() if any(name.endswith(ending) for name in on)]
    return found[-1] if found else asked


class Assigned(Protocol):
    """Nodes of a graph that were given to one provider."""

    ep_name: str

    def get_nodes(self) -> Sequence[object]:
        """The nodes, as they stood before the provider fused them."""


def operator_share(assignment: Sequence[Assigned], provider: str) -> float | None:
    """Share of a graph's nodes that a provider took; None for an assignment that is empty."""
    counts = [(part.ep_name == provider, len(part.get_nodes())) for part in assignment]
    total = sum(count for _, count in counts)
    return sum(count for mine, count in counts if mine) / total if total else None


def _assigned_share(session: onnxruntime.InferenceSession, provider: str) -> float | None:
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return None  # an onnxruntime that does not tell yet
    return operator_share(session.get_provider_graph_assignment_info(), provider)


BACKEND = OnnxRuntimeBackend()
