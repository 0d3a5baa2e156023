"""`bench opencl`: where a network's time goes on a device, tiles tuned and programs built before a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import (
    Names,
    console,
    format_option,
    lang_option,
    logging_options,
    print_json,
    settings_option,
)
from bench.cli.pictures import picture_option
from bench.records.plan import PRECISIONS

if TYPE_CHECKING:
    from bench.opencl.process import Request
    from bench.records.opencl import Trace
    from bench.records.plan import Precision, Setting

device_option = click.option(
    "--device", default="cpu", show_default=True, metavar="KIND[:INDEX]", help="See `bench list --devices`."
)

batches_option = click.option(
    "--batch", "batches", type=click.IntRange(1, 4096), multiple=True, default=(1,), show_default=True,
    help="Samples at once; may be repeated.",
)  # fmt: skip

precision_option = click.option(
    "--precision", type=Names("precision", PRECISIONS), default="fp32", show_default=True,
    help="As a run has it; int8 takes a workload's quantised file.",
)  # fmt: skip

_PEAK_S = 1.0


@click.group("opencl")
def command() -> None:
    """What goes with the OpenCL engine; MODEL is the name of a workload, or an ONNX file."""


@command.command("trace")
@click.argument("model")
@device_option
@precision_option
@click.option("--batch", type=click.IntRange(1, 4096), default=1, show_default=True, help="Samples at once.")
@click.option("--rounds", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Median of how many.")
@click.option("--roofline", is_flag=True, help="Measure the device's peaks first, and say what share is reached.")
@picture_option("--plot", "plot", "Draw it: FILE.png or FILE.svg.")
@settings_option
@format_option
@lang_option
@logging_options
def trace(
    model: str,
    device: str,
    precision: Precision,
    batch: int,
    rounds: int,
    roofline: bool,
    plot: Path | None,
    settings: dict[str, Setting],
    form: str,
    lang: str,
) -> int:
    """Time every kernel and copy of MODEL by the device's own clock. No result for a table: that is `bench run`."""
    from bench.opencl.process import Request, traced

    request = Request(
        model=model, device=device, precision=precision, batches=(batch,), rounds=rounds, settings=settings
    )
    found = _unless_refused(traced, request)
    if roofline:
        found = _with_peaks(found, device)
    if plot is not None:
        from bench.plots.trace import picture
        from bench.store.files import write_bytes

        write_bytes(plot, picture(found, plot, lang))
    if form == "json":
        print_json(found)
    else:
        from bench.report.opencl_trace import print_trace

        print_trace(console(), found, lang)
    return exit_codes.OK


@command.command("build")
@click.argument("model")
@device_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder to write, empty."
)
@precision_option
@batches_option
@settings_option
@format_option
@lang_option
@logging_options
def build(
    model: str,
    device: str,
    precision: Precision,
    output: Path,
    batches: tuple[int, ...],
    settings: dict[str, Setting],
    form: str,
    lang: str,
) -> int:
    """Compile MODEL's kernels into DIR, for runs without a compiler: `--setting programs=DIR`."""
    from bench.opencl.process import Request, built
    from bench.text import sentence
    from bench.text.figures import size

    folder = str(output.expanduser().absolute())
    request = Request(
        model=model, device=device, precision=precision, batches=batches, settings=settings, folder=folder
    )
    made = _unless_refused(built, request)
    if form == "json":
        print_json(made)
    else:
        told = {"folder": made.folder, "device": made.device, "kernels": made.kernels, "size": size(made.nbytes)}
        click.echo(sentence(lang, "opencl.built", **told))
    return exit_codes.OK


@command.command("tune")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@device_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="To write or add to, for `--setting tiles=FILE` [default: the cache, where runs on this device look].",
)
@precision_option
@batches_option
@click.option("--rounds", type=click.IntRange(1, 1000), default=5, show_default=True, help="Shortest of how many.")
@click.option(
    "--budget-s",
    type=click.FloatRange(0, 86_400),
    default=20.0,
    show_default=True,
    help="Within what time, each MODEL.",
)
@format_option
@lang_option
@logging_options
def tune(
    models: tuple[str, ...],
    device: str,
    precision: Precision,
    output: Path | None,
    batches: tuple[int, ...],
    rounds: int,
    budget_s: float,
    form: str,
    lang: str,
) -> int:
    """Find by measurement how the layers of each MODEL are best cut up on this device; runs then take it."""
    import msgspec

    from bench.opencl.process import Request, tuned
    from bench.text import sentence
    from bench.text.figures import latency

    table = str(output.expanduser().absolute()) if output is not None else None
    found = []
    for model in models:
        request = Request(
            model=model, device=device, precision=precision, batches=batches, rounds=rounds, tune=True, table=table,
            budget_s=budget_s,
        )  # fmt: skip
        for one in _unless_refused(tuned, request):
            found.append({"model": model, **msgspec.structs.asdict(one)})
            if form != "json":
                told = {"model": model, **{key: getattr(one, key) for key in ("batch", "layers", "device", "tried")}}
                times = {"before": latency(one.before_ns), "after": latency(one.after_ns)}
                click.echo(sentence(lang, "opencl.tuned", **told, **times, rules=one.rules, file=one.file))
    if form == "json":
        print_json(found)
    return exit_codes.OK


def _with_peaks(found: Trace, device: str) -> Trace:
    """A trace with the peaks of its device, by the same engine; as it is where they cannot be measured."""
    import msgspec

    from bench.hardware.container import usable_cores
    from bench.host.describing import quick_profile
    from bench.peaks.process import PeaksFailed, measured_peaks, request_for

    request = request_for("opencl", device, usable_cores(), _PEAK_S, quick_profile())
    try:
        peaks = {one.what: one.per_s for one in measured_peaks(request) if one.per_s is not None}
    except PeaksFailed as error:
        raise click.UsageError(f"`--roofline`: {error}") from None
    return msgspec.structs.replace(found, ops_per_s=peaks.get("product"), bytes_per_s=peaks.get("read"))


def _unless_refused(work, request: Request):  # type: ignore[no-untyped-def]  # what `work` returns
    from bench.opencl.process import Refused

    try:
        return work(request)
    except Refused as refusal:
        raise click.UsageError(str(refusal)) from None
