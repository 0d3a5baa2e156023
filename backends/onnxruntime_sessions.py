"""An onnxruntime session answering batches: fed by onnxruntime itself, or with its inputs in the device's memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Arrays, EngineError, Model
from bench.backends.causes import translated
from bench.backends.checks import Forms

if TYPE_CHECKING:
    import onnxruntime

# Providers whose devices' memory onnxruntime can be asked for, and its name there; for others it copies by itself.
MEMORY = {"CUDAExecutionProvider": "cuda", "TensorrtExecutionProvider": "cuda", "CANNExecutionProvider": "cann"}
# Its own memory arena's words; where they are missing the driver's or the C++ library's are there.
NO_MEMORY = ("Failed to allocate memory for requested buffer", "Available memory of ")
# Where in its source an error was thrown, and in which function; some of its messages begin with it.
_PLACE = re.compile(r"^/\S+:\d+ [^(]*\([^)]*\) ")


class FedSession:
    """Hands arrays to onnxruntime, which brings them to the device and its answers back."""

    def __init__(self, session: onnxruntime.InferenceSession, model: Model) -> None:
        self._session: onnxruntime.InferenceSession | None = session
        self._names = [tensor.name for tensor in model.outputs]
        self._run = session.run

    def run(self, batch: Arrays, out: Arrays) -> None:
        try:
            answers = self._run(self._names, batch)
        except Exception as error:  # onnxruntime's exception types share no public base class
            raise failure(error) from error
        for name, answer in zip(self._names, answers, strict=True):
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


class Value(Protocol):
    """A tensor in memory that onnxruntime allocated."""

    def update_inplace(self, data: object) -> None:
        """Copy an array, or another value, into it; done on return."""

    def numpy(self) -> NDArray[np.generic]:
        """A view where it lies in the host's memory."""


class Binding(Protocol):
    """What a run reads and writes, set up once."""

    def bind_ortvalue_input(self, name: str, value: Value) -> None: ...

    def bind_output(
        self, name: str, kind: str, index: int, dtype: np.dtype[np.generic], shape: Sequence[int], pointer: int
    ) -> None: ...

    def synchronize_outputs(self) -> None: ...


class Driver:
    """The few calls that reach a device's memory; tests put a scripted one in their place."""

    def __init__(self, session: onnxruntime.InferenceSession, provider: str, index: int) -> None:
        self._session, self._provider, self._index = session, provider, index
        self._kind = MEMORY.get(provider, "cpu")

    def on_device(self, shape: Sequence[int], dtype: str) -> Value:
        """Memory of the device."""
        import onnxruntime

        make = onnxruntime.OrtValue.ortvalue_from_shape_and_type
        return cast(Value, make(tuple(shape), np.dtype(dtype).type, self._kind, self._index))

    def pinned(self, shape: Sequence[int], dtype: str) -> Value | None:
        """Memory of the host that the device copies from by itself; None where the provider says of none."""
        import onnxruntime

        info = host_accessible(self._provider, self._index)
        if info is None:
            return None
        make = onnxruntime.OrtValue.ortvalue_from_shape_and_type
        value = make(tuple(shape), np.dtype(dtype).type, memory_info=info)
        # Some releases give a copy where a view is meant; what is written there would never reach the device.
        return cast(Value, value) if value.numpy().ctypes.data == value.data_ptr() else None

    def binding(self) -> Binding:
        return cast(Binding, self._session.io_binding())

    def run(self, binding: Binding) -> None:
        """Run what is bound; the outputs are there on return."""
        self._session.run_with_iobinding(binding)
        binding.synchronize_outputs()


class BoundSession:
    """Full batches go through pinned memory, where there is some, into tensors that lie on the device for good.

    Answers are written by onnxruntime straight into the harness's arrays. Batches that are not full, or trimmed, are
    fed as by `FedSession`: each size would need memory of its own.
    """

    def __init__(self, fed: FedSession, model: Model, max_batch: int, driver: Driver) -> None:
        self._fed, self._batch, self._forms = fed, max_batch, Forms("onnxruntime", model, max_batch)
        self._shapes = {tensor.name: tensor.shape for tensor in model.inputs}
        self._outputs = [(tensor.name, np.dtype(tensor.dtype)) for tensor in model.outputs]
        self._driver, self._bind = driver, driver.binding()
        self._inputs: list[tuple[str, Value, Value | None]] = []
        for tensor in model.inputs:
            shape = (max_batch, *tensor.shape)
            value = driver.on_device(shape, tensor.dtype)
            self._bind.bind_ortvalue_input(tensor.name, value)
            self._inputs.append((tensor.name, value, driver.pinned(shape, tensor.dtype)))

    def run(self, batch: Arrays, out: Arrays) -> None:
        full = self._forms.check(batch, out) == self._batch and self._untrimmed(batch)
        if not full or not all(array.flags.c_contiguous for array in out.values()):
            self._fed.run(batch, out)
            return
        try:
            for name, value, staging in self._inputs:
                if staging is None:
                    value.update_inplace(batch[name])
                else:
                    np.copyto(staging.numpy(), batch[name])
                    value.update_inplace(staging)
            for name, dtype in self._outputs:
                target = out[name]
                self._bind.bind_output(name, "cpu", 0, dtype, target.shape, target.ctypes.data)
            self._driver.run(self._bind)
        except Exception as error:  # as above
            raise failure(error) from error

    def _untrimmed(self, batch: Arrays) -> bool:
        return all(batch[name].shape[1:] == shape for name, shape in self._shapes.items())

    def close(self) -> None:
        self._inputs.clear()
        del self._bind, self._driver
        self._fed.close()


def failure(error: Exception, doing: str = "onnxruntime") -> EngineError:
    """`error` of onnxruntime as the seam knows it, in one line after what was being done."""
    return translated(error, f"{doing}: {words(error)}", NO_MEMORY)


def words(error: Exception) -> str:
    """An error's first line, without where in onnxruntime's source it was thrown."""
    return _PLACE.sub("", (str(error).strip() or type(error).__name__).splitlines()[0])


def host_accessible(provider: str, index: int) -> object | None:
    """What describes the host's memory that a provider's device reads by itself; older releases do not tell."""
    import onnxruntime

    ask: Callable[[], Sequence[object]] | None = getattr(onnxruntime, "get_ep_devices", None)
    kind = getattr(getattr(onnxruntime, "OrtDeviceMemoryType", None), "HOST_ACCESSIBLE", None)
    if ask is None or kind is None:
        return None
    own = [device for device in ask() if getattr(device, "ep_name", None) == provider]
    tell = getattr(own[index], "memory_info", None) if index < len(own) else None
    return cast("object | None", tell(kind)) if tell is not None else None
