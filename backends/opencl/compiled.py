"""A model made ready on an OpenCL device, and what is said of it."""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path

import msgspec

from bench.backends.arithmetic import coarsest, int8_share, told
from bench.backends.base import Model, Options, Unsupported
from bench.backends.compiling import compilation
from bench.backends.opencl.binaries import BinaryPrograms
from bench.backends.opencl.device import Found, Traits
from bench.backends.opencl.errors import failure
from bench.backends.opencl.graph import Graph
from bench.backends.opencl.handover import handover_of
from bench.backends.opencl.lengths import Plans, plans_of
from bench.backends.opencl.multiplying import traits_for
from bench.backends.opencl.network import Weights, prepared_for
from bench.backends.opencl.plan import Launch, Plan
from bench.backends.opencl.programs import Programs, SourcePrograms
from bench.backends.opencl.session import Session
from bench.backends.opencl.tiles import Tiles
from bench.records.host import Facts
from bench.records.plan import Setting

# Measured on PoCL: portable words take about twice as long as floats do, the instruction about as long or less.
_WAYS = {"portable": "portable", "x86": "x86 vpmaddwd"}
# Where batches vary while the clock runs, sizes up to this one are made ready before; larger ones when they come.
_READY_BEFORE = 16


class Compiled:
    """Graph, weights and programs are shared by the sessions; plans are made once for each batch size."""

    def __init__(
        self, model: Model, found: Found, options: Options, tiles: Tiles | None = None, profiled: bool = False
    ) -> None:
        import pyopencl

        self.model, self.found, self.options = model, found, options
        # Whether the device's clock is read around each kernel.
        self.profiled = profiled
        self._tiles = tiles or Tiles()
        self._plans: dict[int, Plans] = {}
        self._lock = threading.Lock()
        with compilation() as effort:
            self._graph: Graph = prepared_for(model, options)
            try:
                self.context = pyopencl.Context([found.own])
            except pyopencl.Error as error:
                raise failure(error, f"opencl cannot use {found.device.address}") from error
            self.programs, self._traits = self._programs()
            self.weights = Weights(self.context)
            plans = self.plans(options.max_batch)
            self._first: Session | None = self._opened()
        plan, _ = next(iter(plans.values()))
        counted = plan.arithmetic()
        self.facts = Facts(
            engine="opencl",
            engine_version=pyopencl.VERSION_TEXT,
            driver_version=f"{found.platform} {found.own.driver_version}",
            precision_executed=coarsest(counted) or "fp32",
            int8_share=int8_share(counted) if counted["int8"] else None,
            device_operator_share=plan.device_share,
            compile_s=effort.seconds,
            memory_bytes=self.weights.nbytes + options.workers * self._first.nbytes,
            applied={**self._applied(plan, plans), **self._multiplied(counted)},
        )

    def plans(self, samples: int) -> Plans:
        """The steps for a batch size, by the length of its longest sample, with programs and weights on the device."""
        with self._lock:
            if samples not in self._plans:
                plans = self._shared(samples)
                plan, _ = next(iter(plans.values()))
                if plan.lacking and self.options.settings.get("strict_device", False):
                    told = "; ".join(f"{op}: {why}" for op, why in sorted(plan.lacking.items()))
                    raise Unsupported(
                        f"opencl lacks some of {self.model.path.name}, and `strict_device` is set: {told}."
                    )
                for one, _ in plans.values():
                    self.programs.ensure(one.kernels())
                    self.weights.ensure(one)
                self._plans[samples] = plans
            return self._plans[samples]

    def _shared(self, samples: int) -> Plans:
        """Plans at those lengths that the longest's programs serve."""
        made = plans_of(self._graph, self.model, self._traits, samples, self._tiles, self.programs.tiles)
        shared = self.programs.shared([plan for plan, _ in made.values()])
        return {
            length: (plan, graph)
            for (length, (_, graph)), plan in zip(made.items(), shared, strict=True)
            if plan is not None
        }

    def open(self, worker: int) -> Session:
        # The first worker takes the session that was opened to learn the facts.
        opened, self._first = self._first, None
        return opened or self._opened()

    def close(self) -> None:
        if self._first is not None:
            self._first.close()
            self._first = None
        self._plans.clear()
        self.weights.release()

    def _programs(self) -> tuple[Programs, Traits]:
        """Programs, and what kernels are chosen by: how the device multiplies was tried by whoever built programs."""
        folder = self.options.settings.get("programs")
        if folder is None:
            return SourcePrograms(self.context), traits_for(self.found, self._graph)
        built = BinaryPrograms(self.context, self.found, Path(str(folder)))
        return built, msgspec.structs.replace(self.found.traits, madd=built.madd)

    def _opened(self) -> Session:
        """A session that has answered once: drivers compile and allocate when a kernel runs first."""
        session = Session(self)
        session.warm(self.options.max_batch)
        if self.options.varying_batch and self.model.fixed_batch is None:
            for samples in range(1, min(self.options.max_batch, _READY_BEFORE + 1)):
                session.warm(samples)
        return session

    def _multiplied(self, counted: Counter[str]) -> dict[str, Setting]:
        """Where not all products are of floats: in which arithmetic they are, and how whole numbers are multiplied."""
        if counted.keys() <= {"fp32"}:
            return {}
        how = {"int8_products": _WAYS[self._traits.madd]} if counted["int8"] else {}
        return {"arithmetic": told(counted), **how}

    def _applied(self, plan: Plan, plans: Plans) -> dict[str, Setting]:
        own = self.found.own
        launches = [step for step in plan.steps if isinstance(step, Launch)]
        told: dict[str, Setting] = {
            "platform": f"{self.found.platform} ({str(own.platform.version).strip()})",
            "compute_units": int(own.max_compute_units),
            "kernels": len(plan.kernels()),
            "tiles": self._tiles.origin,
            "tuned_layers": sum(one.key in self._tiles.table for one in launches),
            "winograd_layers": sum(one.kernel.name.startswith("winograd_out") for one in launches),
            "programs": "binary" if "programs" in self.options.settings else "source",
            "launches": len(plan.steps),
            "host_memory": handover_of(self.options.settings).name,
            "host_operators": sum(1 for _ in plan.lacking),
        }
        if self.model.varying is not None:
            told["lengths"] = "filled up to " + ", ".join(str(one) for one in sorted(plans))
        if plan.lacking:
            told["lacking"] = ", ".join(f"{op} ({why})" for op, why in sorted(plan.lacking.items()))
        if "POCL_AFFINITY" in os.environ:
            told["POCL_AFFINITY"] = os.environ["POCL_AFFINITY"]
        return told
