"""What every engine of ours checks in the same words: packages, precisions, settings, forms of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Arrays, EngineError, Model, Options, Unsupported
from bench.plugins import suggestion
from bench.records.host import Device
from bench.records.plan import Setting

Known = Mapping[str, tuple[Setting, ...] | range]


class Forms:
    """Element types and shapes of a model's tensors, held against arrays where an engine itself would convert them."""

    def __init__(self, engine: str, model: Model, max_batch: int) -> None:
        self._engine, self._most = engine, max_batch
        self._units = model.varying.units if model.varying is not None else {}
        self._inputs, self._outputs = (
            [(tensor.name, np.dtype(tensor.dtype), tensor.shape) for tensor in tensors]
            for tensors in (model.inputs, model.outputs)
        )

    def check(self, batch: Arrays, out: Arrays) -> int:
        """Number of samples of a batch. Raises EngineError for another form or more samples than was said."""
        samples = len(batch[self._inputs[0][0]])
        if samples > self._most:
            raise EngineError(f"{self._engine}: a batch of {samples} came; it is made ready for {self._most} at most.")
        for what, arrays, forms in (("input", batch, self._inputs), ("output", out, self._outputs)):
            for name, dtype, shape in forms:
                array = arrays[name]
                if array.dtype != dtype or array.shape != (samples, *self._length(name, array, shape)):
                    came = f"{array.dtype}{list(array.shape)}"
                    expected = f"{dtype}{[samples, *shape]}"
                    raise EngineError(f"{self._engine}: {what} {name!r} came as {came}; declared is {expected}.")
        return samples

    def _length(self, name: str, array: NDArray[np.generic], shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that an array of a sample's form may have: where lengths vary, its own if it is of whole units."""
        unit = self._units.get(name)
        if unit is None or array.ndim < 2 or not 0 < array.shape[1] <= shape[0] or array.shape[1] % unit:
            return shape
        return (array.shape[1], *shape[1:])


def missing_package(module: str, extra: str) -> str | None:
    """Why an engine's package cannot be used, None when it is installed; imports nothing."""
    if find_spec(module) is not None:
        return None
    return f"the package {module!r} is not installed; `pip install 'inference-bench[{extra}]'` brings it"


def check_precision(engine: str, device: Device, options: Options) -> None:
    """Raises Unsupported when the device does not have the precision that was asked for."""
    if options.precision not in device.precisions:
        raise Unsupported(
            f"{engine} on {device.address} runs {', '.join(device.precisions)}; {options.precision} was asked for."
        )


def check_settings(engine: str, settings: Mapping[str, Setting], known: Known) -> None:
    """Whether each setting is known and has one of its values. Raises Unsupported with the nearest name."""
    for key, value in settings.items():
        if key not in known:
            raise Unsupported(f"{engine} has no setting {key!r}.{suggestion(key, list(known))}")
        allowed = known[key]
        if isinstance(allowed, range):
            if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
                span = f"a whole number from {allowed.start} to {allowed.stop - 1}"
                raise Unsupported(f"{engine}'s setting {key!r} is {value!r}; expected {span}.")
        # 1 equals True in Python, and is another value for an engine.
        elif not any(value == one and type(value) is type(one) for one in allowed):
            words = [str(one).lower() if isinstance(one, bool) else str(one) for one in allowed]
            raise Unsupported(f"{engine}'s setting {key!r} cannot be {value!r}.{suggestion(str(value), words)}")
