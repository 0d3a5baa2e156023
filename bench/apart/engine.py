"""The engine's own process: it compiles, opens a session per worker in a thread each, and answers batches.

Started by `bench.apart.remote` as `python -m bench.apart.engine SOCKET_FD PARENT`; nothing that it says is trusted.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.apart.handover import (
    ANSWERED,
    FAILURES,
    MOST_WORDS,
    NULL,
    REPLY,
    REQUEST,
    STOP,
    receive,
)
from bench.apart.memory import map_array, shape_of, touch
from bench.apart.messages import (
    Answer,
    Channel,
    Close,
    Closed,
    Compile,
    Compiled,
    Done,
    Hold,
    Kind,
    Lay,
    Open,
    Refused,
    Release,
    Released,
    Request,
)
from bench.backends.base import Compiled as CompiledModel
from bench.backends.base import EngineError, Model, Session, Unsupported, cause_of, find_device
from bench.backends.registry import load_backend
from bench.backends.trimming import compile_trimmed
from bench.host.collector import uncollected
from bench.host.engine_process import die_with_parent
from bench.plugins import PluginError, one_line

Named = dict[str, NDArray[np.generic]]
_MOST_VIEWS = 65536


class _Sets:
    """The input sets that were laid out so far, and views of them, each made once."""

    def __init__(self) -> None:
        self._sets: dict[int, Named] = {}
        self._views: dict[tuple[int, int, int], Named] = {}

    def lay(self, asked: Lay, descriptors: list[int]) -> None:
        self._sets[asked.number] = {
            tensor.name: map_array(descriptor, shape_of(asked.rows, tensor), tensor.dtype, asked.private)
            for tensor, descriptor in zip(asked.tensors, descriptors, strict=True)
        }
        for array in self._sets[asked.number].values():
            touch(array)

    def view(self, number: int, first: int, count: int) -> Named:
        key = (number, first, count)
        found = self._views.get(key)
        if found is None:
            found = {name: array[first : first + count] for name, array in self._sets[number].items()}
            if len(self._views) < _MOST_VIEWS:
                self._views[key] = found
        return found


class _Worker:
    """One session and the thread that answers for it."""

    def __init__(self, session: Session, asked: Open, model: Model, sets: _Sets, descriptors: list[int]) -> None:
        self._reading, self._writing, *outputs = descriptors
        self.session, self._sets, self._batch = session, sets, asked.batch
        arrays = {
            tensor.name: map_array(descriptor, (asked.slots, *shape_of(asked.batch, tensor)), tensor.dtype)
            for tensor, descriptor in zip(model.outputs, outputs, strict=True)
        }
        self._slots: list[Named] = [{name: array[i] for name, array in arrays.items()} for i in range(asked.slots)]
        self.thread = threading.Thread(target=self._work, name=f"worker-{asked.worker}", daemon=True)

    def _work(self) -> None:
        while True:
            message = receive(self._reading)
            if len(message) != REQUEST.size:
                return  # the harness is gone
            number, kind, *what = REQUEST.unpack(message)
            if kind == STOP:
                return
            os.write(self._writing, self._answer(number, kind, *what))

    def _answer(self, number: int, kind: int, inputs: int, count: int, slot: int, first: int) -> bytes:
        try:
            batch, out = self._sets.view(inputs, first, count), self._slots[slot]
            if count != self._batch:
                out = {name: array[:count] for name, array in out.items()}
            if kind == NULL:
                for array in out.values():
                    array.fill(0)
            else:
                self.session.run(batch, out)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - an engine may raise anything; the harness counts it
            return REPLY.pack(number, FAILURES[cause_of(error)]) + _words(error).encode()[:MOST_WORDS]
        return REPLY.pack(number, ANSWERED)


class _Engine:
    """What this process holds, and how it does what it is asked for."""

    def __init__(self) -> None:
        self._sets, self._workers = _Sets(), list[_Worker]()
        self._model: Model | None = None
        self._compiled: CompiledModel | None = None
        self._held = contextlib.ExitStack()
        self._count: Callable[[], int] = lambda: 0

    def do(self, asked: Request, descriptors: list[int]) -> Answer:
        match asked:
            case Compile():
                return self._compile(asked)
            case Lay():
                self._sets.lay(asked, descriptors)
            case Open():
                self._open(asked, descriptors)
            case Hold():
                self._hold()
            case Release():
                return self._release()
            case Close():
                self._close()
        return Done()

    def _compile(self, asked: Compile) -> Answer:
        backend = load_backend(asked.backend)
        device = find_device(backend, asked.device)
        self._model = asked.model
        self._compiled = compile_trimmed(backend, asked.model, device, asked.options)
        return Compiled(device=device, facts=self._compiled.facts)

    def _open(self, asked: Open, descriptors: list[int]) -> None:
        assert self._compiled is not None
        assert self._model is not None
        worker = _Worker(self._compiled.open(asked.worker), asked, self._model, self._sets, descriptors)
        self._workers.append(worker)
        gc.collect()
        gc.freeze()  # what is there now stays; a collection while a load is searched for looks at little
        worker.thread.start()

    def _hold(self) -> None:
        self._count = self._held.enter_context(uncollected())

    def _release(self) -> Released:
        collections = self._count()
        self._held.close()
        return Released(collections=collections)

    def _close(self) -> None:
        for worker in self._workers:
            worker.thread.join()
            worker.session.close()
        if self._compiled is not None:
            self._compiled.close()


def _words(error: BaseException) -> str:
    """An error in one line: the message alone where it was written for people, else with its type."""
    try:
        return str(error).strip().splitlines()[0] if isinstance(error, EngineError) else one_line(error)
    except Exception:  # noqa: BLE001 - a vendor's exception may even fail to print itself
        return type(error).__name__


def _refusal(error: BaseException) -> Refused:
    if isinstance(error, PluginError):
        return Refused(message=str(error), kind="plugin")
    kind: Kind = "unsupported" if isinstance(error, Unsupported) else cause_of(error) or "engine"
    return Refused(message=_words(error), kind=kind)


def _serve(channel: Channel) -> None:
    engine = _Engine()
    while True:
        asked, descriptors = channel.receive_request()
        answer: Answer
        try:
            answer = engine.do(asked, descriptors)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
            traceback.print_exc()
            answer = _refusal(error)
        channel.send(answer)
        if isinstance(asked, Close):
            return


def main(arguments: list[str]) -> int:
    """Entry of the process: file descriptor of the socket, process id of the harness's."""
    descriptor, parent = map(int, arguments)
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    os.set_inheritable(descriptor, False)  # an engine's helper must not hold the harness's socket open
    with socket.socket(fileno=descriptor) as connection:
        try:
            _serve(Channel(connection))
        except Closed:
            return 0  # the harness is gone
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
