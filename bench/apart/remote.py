"""The harness's side of the two-process form: a compiled model and sessions like any other's, engine elsewhere.

Clock, schedule, sampling and checks stay here; what the engine's process sends is numbers to be checked, never code.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Sequence
from time import perf_counter_ns

import msgspec
import numpy as np

from bench.apart.handover import ANSWERED, FAILURES, GONE, NULL, REPLY, REQUEST, RUN, STOP, receive
from bench.apart.inputs import Named, Place, SharedInputs, check_forms
from bench.apart.memory import new_array, shape_of
from bench.apart.messages import (
    Answer,
    Channel,
    Close,
    Closed,
    Compile,
    Compiled,
    Hold,
    Open,
    Refused,
    Release,
    Released,
    Request,
)
from bench.backends.base import Arrays, EngineError, Model, Options, engine_error
from bench.backends.poison import poison
from bench.host.engine_process import obituary, start_engine_process
from bench.host.oom import OomWatch
from bench.records.host import Device, Facts
from bench.records.job import Fault, HandOver

_SLOT_BYTES, _LEAST_SLOTS, _MOST_SLOTS = 64 << 10, 4, 1024
_END_S = 10.0
_CAUSES = {kind: cause for cause, kind in FAILURES.items()}


class RemoteModel:
    """A model compiled in a process of its own (the seam's `Compiled`); `inputs` is where loaded sets are laid out."""

    device: Device
    facts: Facts

    def __init__(self, backend: str, device: str, model: Model, options: Options, output: int, where: str) -> None:
        """Start the process and compile there. `output` is the descriptor that it prints to, `where` names it.

        Raises PluginError, Unsupported or EngineError, one line.
        """
        self._model, self._options, self._where = model, options, where
        self._gone: Fault | None = None
        self._kills = OomWatch()
        self._closing = False
        self._sessions: list[RemoteSession] = []
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = start_engine_process(
                "bench.apart.engine",
                [str(theirs.fileno()), str(os.getpid())],
                threads=options.threads,
                stdout=output,
                stderr=output,
                pass_fds=(theirs.fileno(),),
                own_group=False,
            )
        self._socket, self._channel = ours, Channel(ours)
        self._watcher = threading.Thread(target=self._watch, name="engine-watcher", daemon=True)
        self._watcher.start()
        self.inputs = SharedInputs(model.inputs, self._ask)
        try:
            told = self._ask(Compile(backend=backend, device=device, model=model, options=options))
            if not isinstance(told, Compiled):
                raise EngineError(f"the engine's process answered {type(told).__name__} where facts were due")
        except BaseException:
            self._kill()
            raise
        self.device, self.facts = told.device, told.facts

    @property
    def pid(self) -> int:
        return self._process.pid

    def hold_garbage(self) -> None:
        """Have the engine's process collect its garbage now, and then not until `release_garbage`."""
        self._ask(Hold())

    def release_garbage(self) -> int | None:
        """How often it says that it collected all the same; None where it answers no more."""
        with contextlib.suppress(EngineError):
            told = self._ask(Release())
            return told.collections if isinstance(told, Released) else None
        return None

    def open(self, worker: int) -> RemoteSession:
        session = RemoteSession(self, self._model, self._options, worker)
        self._sessions.append(session)
        return session

    def close(self) -> None:
        """End the process; one that does not end by itself is killed."""
        self._closing = True
        try:
            if self._gone is None:
                for session in self._sessions:
                    session.stop()
                with contextlib.suppress(EngineError):  # the answers are in; how it ends changes none
                    self._ask(Close())
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(timeout=_END_S)
        finally:
            self._kill()

    def gone(self) -> EngineError | None:
        """Why the engine's process answers no more, as the error to raise; None while it may."""
        return engine_error(self._gone.words, self._gone.cause) if self._gone is not None else None

    def give_up(self, why: Fault) -> EngineError:
        """Never ask the engine's process again; the error to raise."""
        self._gone = self._gone or why
        return engine_error(self._gone.words, self._gone.cause)

    def lost(self) -> EngineError:
        """Its end of a pipe was closed: how it ended, if it did."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_END_S)
        code = self._process.returncode
        if code is None:
            return self.give_up(Fault(words="the engine's own process closed its end"))
        return self.give_up(self._obituary(code))

    def _ask(self, request: Request, descriptors: Sequence[int] = ()) -> Answer:
        """Send a request and wait for its answer; the descriptors are closed here afterwards."""
        try:
            if (gone := self.gone()) is not None:
                raise gone
            self._channel.send(request, descriptors)
            answer = self._channel.receive_answer()
        except Closed:
            raise self.lost() from None
        except msgspec.DecodeError as error:
            raise self.give_up(Fault(words=f"the engine's own process sent what is no answer: {error}")) from None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        if isinstance(answer, Refused):
            raise answer.error()
        return answer

    def _watch(self) -> None:
        """Wait for the process's end and wake whoever waits for it, though a helper may hold its pipes open."""
        code = self._process.wait()
        if self._closing:
            return
        self._gone = self._gone or self._obituary(code)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        for session in list(self._sessions):
            session.wake()

    def _obituary(self, code: int) -> Fault:
        return obituary("the engine's own process", code, self._kills, self._where)

    def _kill(self) -> None:
        self._closing = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        self._watcher.join()
        self._socket.close()
        for session in self._sessions:
            session.release()


class RemoteSession:
    """One worker's hold on the model elsewhere. Answers are copied into `out` before `run` returns.

    The slots that the engine fills are poisoned by the ring, as the harness's own are: what it leaves out, or writes
    after it said that it was done, never reaches `out`.
    """

    def __init__(self, engine: RemoteModel, model: Model, options: Options, worker: int) -> None:
        self._engine, self._model, self._batch = engine, model, options.max_batch
        one = sum(np.dtype(t.dtype).itemsize * int(np.prod(shape_of(self._batch, t))) for t in model.outputs)
        self._count = max(_LEAST_SLOTS, min(_MOST_SLOTS, _SLOT_BYTES // max(one, 1)))
        arrays: Named = {}
        passed: list[int] = []
        for tensor in model.outputs:
            descriptor, arrays[tensor.name] = new_array((self._count, *shape_of(self._batch, tensor)), tensor.dtype)
            passed.append(descriptor)
        self._arrays = list(arrays.values())
        self._slots = [[(name, array[i]) for name, array in arrays.items()] for i in range(self._count)]
        self._slot = self._count  # so that the first call poisons
        self._number = 0
        requests, self._asking = os.pipe()
        self._reading, replies = os.pipe()
        self._waking = os.dup(replies)
        self._known, self._find = engine.inputs.known, engine.inputs.find
        self._scratch, self._scratch_arrays = engine.inputs.scratch(self._batch)
        opened = Open(worker=worker, slots=self._count, batch=self._batch)
        engine._ask(opened, [requests, replies, *passed])

    def run(self, batch: Arrays, out: Arrays) -> None:
        self._exchange(batch, out, RUN)

    def close(self) -> None:
        return  # sessions of one process are closed together, by the model

    def hand_over(self, batch: Arrays, out: Arrays, calls: int) -> HandOver:
        """What a call costs when the engine's side does nothing but fill `out` with zeros."""
        taken = np.empty(calls, np.int64)
        for call in range(calls):
            begun = perf_counter_ns()
            self._exchange(batch, out, NULL)
            taken[call] = perf_counter_ns() - begun
        taken.sort()
        return HandOver(calls=calls, p50_ns=int(taken[calls // 2]), p99_ns=int(taken[calls * 99 // 100]))

    def stop(self) -> None:
        """Have its thread in the engine's process end."""
        with contextlib.suppress(OSError):
            os.write(self._asking, REQUEST.pack(0, STOP, 0, 0, 0, 0))

    def wake(self) -> None:
        """Tell a thread that waits for a reply that none will come."""
        with contextlib.suppress(OSError):
            os.write(self._waking, REPLY.pack(0, GONE))

    def release(self) -> None:
        for descriptor in (self._asking, self._reading, self._waking):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _exchange(self, batch: Arrays, out: Arrays, kind: int) -> None:
        place = self._known.get(id(batch)) or self._find(batch) or self._copied(batch)
        inputs, count, first = place
        if self._slot == self._count:
            self._poison()
        slot, self._slot = self._slot, self._slot + 1
        self._number = number = self._number + 1
        if (gone := self._engine.gone()) is not None:
            raise gone
        try:
            os.write(self._asking, REQUEST.pack(number, kind, inputs, count, slot, first))
        except OSError:
            raise self._engine.lost() from None
        reply = receive(self._reading)
        if reply != REPLY.pack(number, ANSWERED):
            raise self._failure(number, reply)
        whole = count == self._batch
        for name, answers in self._slots[slot]:
            np.copyto(out[name], answers if whole else answers[:count], casting="no")

    def _failure(self, number: int, reply: bytes) -> EngineError:
        if (gone := self._engine.gone()) is not None:
            return gone
        if not reply:
            return self._engine.lost()
        head, words = reply[: REPLY.size], reply[REPLY.size :].decode(errors="replace")
        for kind, cause in _CAUSES.items():
            if head == REPLY.pack(number, kind):
                return engine_error(next(iter(words.splitlines()), "") or "the engine failed without a word", cause)
        return self._engine.give_up(Fault(words=f"the engine's own process sent what is no reply: {reply[:24]!r}"))

    def _copied(self, batch: Arrays) -> Place:
        """Arrays that lie nowhere in shared memory are copied there first; only outside the clock do such come."""
        count = check_forms(self._model.inputs, batch, self._batch)
        for name, array in self._scratch_arrays.items():
            array[:count] = batch[name]
        return self._scratch, count, 0

    def _poison(self) -> None:
        self._slot = 0
        for array in self._arrays:
            poison(array)
