"""A torch module answering batches: on the host where arrays lie, or on a device behind pinned buffers and a stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Arrays, EngineError, Model
from bench.backends.causes import translated
from bench.backends.checks import Forms

if TYPE_CHECKING:
    import torch

Network = Callable[..., object]
_RUNS_BEFORE = 3  # a recording
# Torch's allocator on the host; that of a device says "out of memory" for every kind of device.
_NO_MEMORY = ("DefaultCPUAllocator: can't allocate memory", "DefaultCPUAllocator: not enough memory")


class Stream(Protocol):
    """A queue of work on a device; a context in which work goes into it."""

    def __enter__(self) -> object: ...

    def __exit__(self, *caught: object) -> object: ...

    def synchronize(self) -> None:
        """Wait until all work of the queue is done."""


Work = Callable[[], "Sequence[torch.Tensor]"]


class Recording(Protocol):
    """Work that was recorded on a device: `replay` queues all of it, and then `answers` hold what came of it."""

    answers: Sequence[torch.Tensor]

    def replay(self) -> None:
        """Queue it in the present stream."""


class CudaRecording:
    """A graph of CUDA's, in a pool of memory that other recordings of one session share."""

    def __init__(self, graph: torch.cuda.CUDAGraph, answers: Sequence[torch.Tensor]) -> None:
        self.graph, self.answers = graph, answers

    def replay(self) -> None:
        self.graph.replay()


class Driver:
    """The few calls that reach an accelerator's driver; tests put a scripted one in their place."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def stream(self) -> Stream:
        """A queue of this device for one worker."""
        import torch

        return cast(Stream, torch.Stream(device=self.device))

    def pinned(self, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        """Host memory that a device copies from and to by itself, while the host goes on."""
        import torch

        return torch.empty(tuple(shape), dtype=dtype, pin_memory=True)

    def send(self, host: torch.Tensor) -> torch.Tensor:
        """Queue a copy to the device."""
        return host.to(self.device, non_blocking=True)

    def resident(self, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        """Zeros on the device, in memory that stays where it is."""
        import torch

        return torch.zeros(tuple(shape), dtype=dtype, device=self.device)

    def put(self, host: torch.Tensor, there: torch.Tensor) -> None:
        """Queue a copy into memory of the device."""
        there.copy_(host, non_blocking=True)

    def recorded(self, work: Work, beside: Recording | None) -> Recording:
        """A recording of `work`, made on CUDA after it ran some times, as libraries choose their kernels then."""
        import torch

        with torch.cuda.device(self.device):
            cuda: Any = torch.cuda  # its streams have no types
            apart = cuda.Stream(self.device)
            apart.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(apart):
                for _ in range(_RUNS_BEFORE):
                    work()
            torch.cuda.current_stream(self.device).wait_stream(apart)
            graph = torch.cuda.CUDAGraph()
            pool = beside.graph.pool() if isinstance(beside, CudaRecording) else None
            # Another worker may be at work in its own thread meanwhile.
            with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
                answers = work()
        return CudaRecording(graph, answers)

    def fetch(self, answer: torch.Tensor, host: torch.Tensor) -> None:
        """Queue a copy to the host; there only once the stream is synchronised."""
        host.copy_(answer, non_blocking=True)


class HostSession:
    """Runs on the CPU: inputs are read where they lie, answers are copied into the harness's arrays."""

    def __init__(self, network: Network, model: Model, max_batch: int, executed: torch.dtype) -> None:
        import torch

        self._network: Network | None = network
        self._forms, self._executed = Forms("torch", model, max_batch), executed
        self._inputs, self._outputs = ([t.name for t in tensors] for tensors in (model.inputs, model.outputs))
        self._view, self._inference = torch.from_numpy, torch.inference_mode

    def run(self, batch: Arrays, out: Arrays) -> None:
        self._forms.check(batch, out)
        try:
            self._answer(batch, out)
        except EngineError:
            raise
        except Exception as error:  # torch, and compilers under it, raise errors of many kinds
            raise torch_failure(error) from error

    def _answer(self, batch: Arrays, out: Arrays) -> None:
        assert self._network is not None
        with self._inference():
            given = [self._view(writeable(batch[name])) for name in self._inputs]
            answers = told(self._network(*given), self._outputs)
            for name, answer in zip(self._outputs, answers, strict=True):
                target = self._view(out[name])
                check_answer(name, answer, target, self._executed)
                target.copy_(answer)

    def close(self) -> None:
        self._network = None


class DeviceSession:
    """Runs on an accelerator: one stream and one set of pinned buffers of its own, so that workers overlap."""

    def __init__(self, network: Network, model: Model, max_batch: int, executed: torch.dtype, driver: Driver) -> None:
        import torch

        self._network: Network | None = network
        self._forms, self._executed, self._driver = Forms("torch", model, max_batch), executed, driver
        self._stream, self._inference, self._view = driver.stream(), torch.inference_mode, torch.from_numpy
        self._inputs, self._outputs = (
            {t.name: driver.pinned((max_batch, *t.shape), _torch_type(t.dtype)) for t in tensors}
            for tensors in (model.inputs, model.outputs)
        )

    def run(self, batch: Arrays, out: Arrays) -> None:
        self._forms.check(batch, out)
        try:
            self._answer(batch, out)
        except EngineError:
            raise
        except Exception as error:  # as above
            raise torch_failure(error) from error

    def _answer(self, batch: Arrays, out: Arrays) -> None:
        assert self._network is not None
        with self._inference(), self._stream:
            given = [self._staged(fitting(buffer, batch[name]), batch[name]) for name, buffer in self._inputs.items()]
            answers = told(self._network(*given), list(self._outputs))
            for (name, buffer), answer in zip(self._outputs.items(), answers, strict=True):
                target = fitting(buffer, out[name])
                check_answer(name, answer, target, self._executed)
                # Converted over there: a copy that converts as well would wait for the device.
                self._driver.fetch(answer.to(buffer.dtype), target)
        self._stream.synchronize()  # before this the host reads what was there before
        for name, buffer in self._outputs.items():
            np.copyto(out[name], fitting(buffer, out[name]).numpy())

    def close(self) -> None:
        self._network = None
        self._inputs.clear()
        self._outputs.clear()

    def _staged(self, buffer: torch.Tensor, array: NDArray[np.generic]) -> torch.Tensor:
        buffer.copy_(self._view(writeable(array)))
        return self._driver.send(buffer)


def fitting(buffer: torch.Tensor, array: NDArray[np.generic]) -> torch.Tensor:
    """The part of a buffer that has an array's form, contiguous at every length of a sample."""
    return (
        buffer[: len(array)] if buffer.shape[1:] == array.shape[1:] else buffer.view(-1)[: array.size].view(array.shape)
    )


def torch_failure(error: Exception, doing: str = "torch") -> EngineError:
    """`error` as the seam knows it, in one line after what was being done."""
    number = getattr(error, "error_code", None)  # an AcceleratorError's: that of the device's runtime
    return translated(error, f"{doing}: {_short(error)}", _NO_MEMORY, number)


def _short(error: Exception) -> str:
    """Type and first words of an error; compilers' are long."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:2])[:300]}"


def told(answer: object, names: Sequence[str]) -> Sequence[torch.Tensor]:
    """A module's answer as tensors in the order of the model's outputs. Raises EngineError for anything else."""
    import torch

    tensors = list(answer) if isinstance(answer, tuple | list) else [answer]
    found = [one for one in tensors if isinstance(one, torch.Tensor)]
    if len(found) != len(tensors) or len(found) != len(names):
        kinds = ", ".join(type(one).__name__ for one in tensors)
        raise EngineError(f"torch: the network answers with ({kinds}); expected a tensor each for {', '.join(names)}.")
    return found


def check_answer(name: str, answer: torch.Tensor, target: torch.Tensor, executed: torch.dtype) -> None:
    """Whether an answer has the declared shape and type, or that of the arithmetic that was asked for."""
    right = answer.dtype == target.dtype or (answer.dtype == executed and target.dtype.is_floating_point)
    if answer.shape == target.shape and right:
        return
    came, expected = (f"{str(one.dtype).removeprefix('torch.')}{list(one.shape)}" for one in (answer, target))
    raise EngineError(f"torch: output {name!r} came as {came}; declared is {expected}.")


def writeable(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Torch knows no read-only tensors and warns of them; the harness's own arrays are writeable."""
    return array if array.flags.writeable else array.copy()


def _torch_type(dtype: str) -> torch.dtype:
    import torch

    return torch.from_numpy(np.empty(0, dtype)).dtype
