"""The backend: everything that inference-bench needs to drive the card, and nothing else.

It reads no clock and reports no speed: clock, load, checks and statistics are the harness's. Settings: none.
"""

from __future__ import annotations

from bench.backends.base import Arrays, DeviceLost, EngineError, Model, Options, OutOfMemory, Tensor
from bench.backends.checks import Forms, check_precision, check_settings
from bench.backends.compiling import compilation
from bench.records.host import Device, Facts

# Import your SDK inside the methods when that takes long or needs a driver: `bench list` calls only `devices`.
from bench_backend_example import sdk


class ExampleBackend:
    """Cards of the make-believe SDK, as `card:0`, `card:1`, …"""

    name = "example"

    def devices(self) -> list[Device]:
        """What is here now. Raise nothing: without a card the list is empty, and `why_none` says why."""
        return [
            Device(
                kind="card",
                index=index,
                title="make-believe card",
                memory_bytes=sdk.Card(index).memory_bytes,
                precisions=sdk.PRECISIONS,
            )
            for index in range(sdk.count())
        ]

    def why_none(self) -> str:
        """How to get a device, as half a sentence."""
        return "there is no card, for EXAMPLE_CARDS is 0; leave it unset to have one"

    def compile(self, model: Model, device: Device, options: Options) -> _Compiled:
        """Make a network ready. What cannot be served is refused here, in one line, before anything runs."""
        check_precision(self.name, device, options)
        check_settings(self.name, options.settings, {})
        return _Compiled(model, device, options)


class _Compiled:
    """A program on a card. The facts are read back from the SDK, not copied from what was asked for."""

    def __init__(self, model: Model, device: Device, options: Options) -> None:
        self._model, self._options = model, options
        try:
            with compilation() as effort:
                self._card = sdk.Card(device.index)
                self._program = self._card.load(model.path, options.threads)
        except sdk.CardError as error:
            raise _told(error) from error
        self.facts = Facts(
            engine="example",
            engine_version=sdk.VERSION,
            driver_version=sdk.DRIVER,
            precision_executed="fp32",
            device_operator_share=1.0,
            compile_s=effort.seconds,
            memory_bytes=self._program.size,
            applied={"threads": options.threads},
        )

    def open(self, worker: int) -> _Session:
        """One per worker, which has a thread of its own: a queue and buffers each, so that workers overlap."""
        try:
            return _Session(self._card, self._program, self._model, self._options.max_batch)
        except sdk.CardError as error:
            raise _told(error) from error

    def close(self) -> None:
        self._program.unload()


class _Session:
    """Buffers for the largest batch, made once: nothing is allocated while the clock runs."""

    def __init__(self, card: sdk.Card, program: sdk.Program, model: Model, max_batch: int) -> None:
        def buffers(tensors: tuple[Tensor, ...]) -> dict[str, sdk.Buffer]:
            return {tensor.name: sdk.Buffer(card, (max_batch, *tensor.shape), tensor.dtype) for tensor in tensors}

        self._program, self._forms = program, Forms("example", model, max_batch)
        self._inputs, self._outputs = buffers(model.inputs), buffers(model.outputs)
        self._queue = sdk.Queue()

    def run(self, batch: Arrays, out: Arrays) -> None:
        """Answer `batch` into `out`, and return when `out` is filled: the harness stops its clock then."""
        samples = self._forms.check(batch, out)  # the queue would copy other types without a word
        for name, buffer in self._inputs.items():
            self._queue.copy_in(buffer, batch[name])
        self._queue.launch(self._program, self._inputs, self._outputs, samples)
        for name, buffer in self._outputs.items():
            self._queue.copy_out(out[name], buffer)
        try:
            self._queue.finish()
        except sdk.CardError as error:  # a lost card, an error of the driver: the harness counts and judges it
            raise _told(error) from error

    def close(self) -> None:
        """Give everything back: `bench backend check` opens and closes again and again, and looks at the memory."""
        self._queue.close()
        for buffer in (*self._inputs.values(), *self._outputs.values()):
            buffer.free()


def _told(error: sdk.CardError) -> EngineError:
    """The SDK's error as the harness knows it: want of memory and a lost card are findings of their own."""
    kinds: dict[str, type[EngineError]] = {"OUT_OF_MEMORY": OutOfMemory, "DEVICE_LOST": DeviceLost}
    return kinds.get(error.code, EngineError)(f"example: {error}")


BACKEND = ExampleBackend()
