"""The table of a trace: every kernel and copy, its time, and how fast it computed and moved."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bench.records.opencl import Layer, Trace
from bench.text import sentence
from bench.text.catalogue import printable
from bench.text.figures import latency, operations, share, size

_COLUMNS = ("layer", "kernel", "time", "share", "gflops", "gbytes")
_ROOF = "roof"


def print_trace(console: Console, trace: Trace, lang: str) -> None:
    """A row a layer in the order in which they happen, the sums by kind of kernel, and what no layer accounts for."""
    table = Table(box=None, header_style="bold")
    for number, column in enumerate((*_COLUMNS, _ROOF) if trace.ops_per_s is not None else _COLUMNS):
        table.add_column(sentence(lang, f"opencl.{column}"), justify="left" if number < 2 else "right", no_wrap=True)
    for layer in trace.layers:
        table.add_row(*_cells(layer, trace))
    table.add_section()
    for kind in dict.fromkeys(layer.kernel for layer in trace.layers):
        table.add_row(*_cells(_sum(kind, trace), trace))
    console.print(table)
    idle = max(trace.round_ns - trace.busy_ns, 0.0)
    told = {
        "device": printable(trace.device),
        "samples": trace.samples,
        "rounds": trace.rounds,
        "round": latency(trace.round_ns),
        "busy": latency(trace.busy_ns),
        "idle": share(idle / trace.round_ns) if trace.round_ns else "-",
    }
    console.print(sentence(lang, "opencl.traced", **told), soft_wrap=True)
    if trace.ops_per_s is not None and trace.bytes_per_s is not None:
        peaks = {"operations": operations(trace.ops_per_s), "bytes": size(trace.bytes_per_s)}
        console.print(sentence(lang, "opencl.roofed", **peaks), soft_wrap=True)


def _cells(layer: Layer, trace: Trace) -> tuple[str, ...]:
    gflops = f"{layer.gflops:.1f}" if layer.macs else ""
    gbytes = f"{layer.gbytes:.1f}" if layer.nbytes else ""
    part = share(layer.ns / trace.busy_ns) if trace.busy_ns else "-"
    cells = printable(layer.label), layer.kernel, latency(layer.ns), part, gflops, gbytes
    if trace.ops_per_s is None:
        return cells
    reached = trace.share_of_roof(layer)
    return (*cells, "" if reached is None else share(reached))


def _sum(kind: str, trace: Trace) -> Layer:
    """All layers of one kind as one."""
    alike = [layer for layer in trace.layers if layer.kernel == kind]
    return Layer(
        label=f"Σ {len(alike)}",
        kernel=kind,
        ns=sum(layer.ns for layer in alike),
        macs=sum(layer.macs for layer in alike),
        nbytes=sum(layer.nbytes for layer in alike),
    )
