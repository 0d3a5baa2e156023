"""What is served: a compiled model with its sessions, and its answers to batches that anybody sends."""

from __future__ import annotations

import hmac
import os
import queue

import numpy as np
from numpy.typing import NDArray

from bench import __version__
from bench.backends.base import Compiled, EngineError, Model, Options, Session, Tensor, find_device
from bench.backends.checks import Forms
from bench.backends.endpoint.address import TOKEN
from bench.backends.endpoint.forms import DATATYPES
from bench.backends.poison import poison
from bench.backends.registry import load_backend

Named = dict[str, NDArray[np.generic]]
VERSION = "1"


class BadRequest(ValueError):
    """A batch that cannot be answered as it came; one line for whoever sent it."""


class Served:
    """A model ready to answer, `options.workers` batches at once; further ones wait for a session."""

    def __init__(self, name: str, model: Model, backend: str, device: str, options: Options) -> None:
        """Raises PluginError, Unsupported or EngineError."""
        self.name, self.model, self.options = name, model, options
        loaded = load_backend(backend)
        self._compiled: Compiled = loaded.compile(model, find_device(loaded, device), options)
        facts = self._compiled.facts
        self.platform = f"{facts.engine} {facts.engine_version} {facts.precision_executed}"
        self._forms = Forms("served model", model, options.max_batch)
        self._sessions: queue.SimpleQueue[Session] = queue.SimpleQueue()
        self._all = [self._compiled.open(worker) for worker in range(options.workers)]
        for session in self._all:
            self._sessions.put(session)
        self._token = os.environ.get(TOKEN, "")

    def allows(self, authorization: str | None) -> bool:
        """Whether a request's `authorization` proves who asks; true where the environment holds no token."""
        due = f"Bearer {self._token}".encode()
        return not self._token or hmac.compare_digest((authorization or "").encode(errors="replace"), due)

    def answer(self, batch: Named) -> Named:
        """Answers to a batch. Raises BadRequest for what is none, and EngineError."""
        missing = {tensor.name for tensor in self.model.inputs} ^ set(batch)
        if missing:
            due = ", ".join(tensor.name for tensor in self.model.inputs)
            raise BadRequest(f"inputs are {due}, each once; {min(missing)!r} is missing or one too many")
        samples = {array.shape[0] if array.ndim else 0 for array in batch.values()}
        if len(samples) != 1 or not 0 < next(iter(samples)) <= self.options.max_batch:
            raise BadRequest(f"a batch has the same 1 to {self.options.max_batch} samples in all inputs")
        out = self._outputs(batch, next(iter(samples)))
        try:
            self._forms.check(batch, out)
        except EngineError as error:
            raise BadRequest(str(error)) from None
        session = self._sessions.get()
        try:
            session.run(batch, out)
        finally:
            self._sessions.put(session)
        return out

    def metadata(self) -> dict[str, object]:
        """The protocol's description of the model."""
        return {
            "name": self.name,
            "versions": [VERSION],
            "platform": self.platform,
            "inputs": [self._form(tensor) for tensor in self.model.inputs],
            "outputs": [self._form(tensor) for tensor in self.model.outputs],
        }

    def close(self) -> None:
        """Close sessions and model; nobody is being answered any more."""
        for session in self._all:
            session.close()
        self._compiled.close()

    def _form(self, tensor: Tensor) -> dict[str, object]:
        shape = list(tensor.shape)
        if self.model.varying is not None and tensor.name in self.model.varying.units:
            shape[0] = -1
        return {
            "name": tensor.name,
            "datatype": DATATYPES[tensor.dtype],
            "shape": [self.model.fixed_batch or -1, *shape],
        }

    def _outputs(self, batch: Named, samples: int) -> Named:
        """Poisoned arrays for the answers; where samples vary in length, as long as the inputs are."""
        units = self.model.varying.units if self.model.varying is not None else {}
        out: Named = {}
        for tensor in self.model.outputs:
            shape = tensor.shape
            if tensor.name in units:
                first = next(iter(units))
                if batch[first].ndim < 2:
                    raise BadRequest(f"input {first!r} has no axis of lengths")
                shape = (batch[first].shape[1] // units[first] * units[tensor.name], *shape[1:])
            out[tensor.name] = np.empty((samples, *shape), tensor.dtype)
            poison(out[tensor.name])
        return out


def server_metadata() -> dict[str, object]:
    """The protocol's description of the server."""
    return {"name": "bench serve-sut", "version": __version__, "extensions": ["binary_tensor_data"]}
