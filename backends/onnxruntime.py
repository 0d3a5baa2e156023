"""ONNX Runtime's CPU engine behind the seam.

One InferenceSession per worker, each with its own threads, so that workers do not queue for one thread pool.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from bench.backends.base import Arrays, EngineError, Model, Options, Unsupported
from bench.plugins import suggestion
from bench.processor import processor_name
from bench.records.host import Device, Facts

if TYPE_CHECKING:
    import onnxruntime

_LEVELS = ("disable", "basic", "extended", "all")
_SETTINGS = {"graph_optimization": _LEVELS, "spinning": (True, False)}


class OnnxRuntimeBackend:
    """Settings: `graph_optimization` = disable, basic, extended or all; `spinning` = true or false."""

    name = "onnxruntime"

    def devices(self) -> list[Device]:
        import onnxruntime

        if "CPUExecutionProvider" not in onnxruntime.get_available_providers():
            return []
        return [Device(kind="cpu", title=processor_name(), precisions=("fp32",))]

    def compile(self, model: Model, device: Device, options: Options) -> _Compiled:
        if options.precision not in device.precisions:
            raise Unsupported(
                f"onnxruntime on {device.address} runs {', '.join(device.precisions)}; "
                f"{options.precision} was asked for."
            )
        _check_settings(options)
        return _Compiled(model, options)


class _Compiled:
    def __init__(self, model: Model, options: Options) -> None:
        import onnxruntime
        import psutil

        self._model, self._options = model, options
        process = psutil.Process()
        before, begun = process.memory_info().rss, perf_counter()
        self._first: onnxruntime.InferenceSession | None = _load(model, options)
        self.facts = Facts(
            engine="onnxruntime",
            engine_version=onnxruntime.__version__,
            precision_executed=options.precision,
            # Only the CPU provider is registered, so no operator can have run anywhere else.
            device_operator_share=1.0,
            compile_s=perf_counter() - begun,
            memory_bytes=max(process.memory_info().rss - before, 0),
            applied={
                "intra_op_threads": options.threads,
                "graph_optimization": str(options.settings.get("graph_optimization", "all")),
                "spinning": bool(options.settings.get("spinning", True)),
                "providers": ",".join(self._first.get_providers()),
            },
        )

    def open(self, worker: int) -> _Session:
        # The first worker takes the session that was loaded to learn the facts; loading it twice would double memory.
        loaded, self._first = self._first, None
        return _Session(loaded or _load(self._model, self._options), self._model)

    def close(self) -> None:
        self._first = None


class _Session:
    def __init__(self, session: onnxruntime.InferenceSession, model: Model) -> None:
        self._session: onnxruntime.InferenceSession | None = session
        self._names = [tensor.name for tensor in model.outputs]
        self._run = session.run

    def run(self, batch: Arrays, out: Arrays) -> None:
        for name, answer in zip(self._names, self._run(self._names, batch), strict=True):
            target = out[name]
            if answer.shape != target.shape or answer.dtype != target.dtype:
                raise EngineError(
                    f"output {name!r} came as {answer.dtype}{list(answer.shape)}; "
                    f"declared is {target.dtype}{list(target.shape)}."
                )
            np.copyto(target, answer)

    def close(self) -> None:
        self._session = None
        del self._run


def _load(model: Model, options: Options) -> onnxruntime.InferenceSession:
    import onnxruntime

    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = options.threads
    session_options.inter_op_num_threads = 1
    session_options.log_severity_level = 3
    level = str(options.settings.get("graph_optimization", "all")).upper()
    session_options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_{_ORT_LEVEL[level]}")
    spinning = "1" if options.settings.get("spinning", True) else "0"
    session_options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    try:
        return onnxruntime.InferenceSession(str(model.path), session_options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exception types share no public base class
        raise EngineError(f"onnxruntime cannot load {model.path.name}: {str(error).splitlines()[0]}") from error


_ORT_LEVEL = {
    "DISABLE": "DISABLE_ALL",
    "BASIC": "ENABLE_BASIC",
    "EXTENDED": "ENABLE_EXTENDED",
    "ALL": "ENABLE_ALL",
}


def _check_settings(options: Options) -> None:
    for key, value in options.settings.items():
        if key not in _SETTINGS:
            raise Unsupported(f"onnxruntime has no setting {key!r}.{suggestion(key, list(_SETTINGS))}")
        if value not in _SETTINGS[key]:
            raise Unsupported(f"onnxruntime's setting {key!r} is {value!r}; allowed: {_SETTINGS[key]}.")


BACKEND = OnnxRuntimeBackend()
