"""`bench run`: build a plan from flags or a file, run it, print the table."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from click.core import ParameterSource

from bench.cli import exit_codes
from bench.cli.common import (
    Names,
    console,
    format_option,
    ignore_interrupts,
    lang_option,
    logging_options,
    output_option,
    print_json,
    settings_option,
)
from bench.cli.leftovers import put_back_leftovers
from bench.cli.load import load_options
from bench.cli.own_files import own_files_options
from bench.cli.power import power_option
from bench.cli.profile_use import with_profile
from bench.cli.rates import GivenRate, rates
from bench.cli.robustness import robustness_option
from bench.cli.token import with_token
from bench.cli.tuning import tune_options
from bench.records.loadgen import DRIVERS
from bench.records.plan import (
    DEFAULT_WORKLOADS,
    MODES,
    MOST_BATCH,
    MOST_THREADS,
    MOST_WORKERS,
    PRECISIONS,
    REGIONS,
    SCENARIOS,
    USER_WORKLOAD,
    RunPlan,
)

if TYPE_CHECKING:
    from bench.records.record import Record, Run
    from bench.runner import Observer, Prepared
    from bench.store.runs import RunFolder

# Flags that do not describe the work.
_BESIDE_RESUME = {"resume_run", "budget_s", "output", "form", "lang", "verbose", "log_file"}
_BESIDE_PLAN = _BESIDE_RESUME - {"resume_run", "budget_s"} | {"plan_file", "dry_run"}


@click.command("run")
@click.option("--workload", "workloads", multiple=True, metavar="NAME", help="Workload; may be repeated.")
@click.option(
    "--scenario", "scenarios", multiple=True, metavar="NAME", help=f"One of {', '.join(SCENARIOS)}; may be repeated."
)
@click.option(
    "--backend", default="onnxruntime", show_default=True, metavar="NAME", help="Engine; see `bench list backend`."
)
@click.option(
    "--device",
    "devices",
    multiple=True,
    default=("cpu",),
    show_default=True,
    metavar="KIND[:INDEX]",
    help="See `bench list --devices`; may be repeated, and all share one schedule.",
)
@click.option("--mode", type=Names("mode", MODES), default="quick", show_default=True, help="How long and how often.")
@click.option(
    "--driver",
    type=Names("driver", DRIVERS),
    default="bench",
    show_default=True,
    help="Who issues the measured queries: bench itself, or MLPerf LoadGen, for comparison.",
)
@click.option("--precision", type=Names("precision", PRECISIONS), default="fp32", show_default=True)
@click.option(
    "--timed-region",
    type=Names("timed region", REGIONS),
    default="host_to_host",
    show_default=True,
    help="end_to_end: from a file's bytes to the answer, decoding and resizing inside the clock.",
)
@click.option(
    "--max-batch",
    "--batch",
    "batch",
    type=click.IntRange(1, MOST_BATCH),
    help="Samples per batch; in open loops the most that go together [default: the workload's].",
)
@click.option(
    "--workers",
    type=click.IntRange(1, MOST_WORKERS),
    help="Sessions that run at once, on each device [default: 1].",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 2),
    help="2: the engine in a process of its own, which cannot touch clock and checks [default: 1; certified: 2].",
)
@click.option(
    "--threads",
    type=click.IntRange(1, MOST_THREADS),
    help="Threads per worker [default: usable cores / (workers × devices × concurrent workloads)].",
)
@load_options
@click.option(
    "--profile",
    metavar="PROFILE",
    help="Hardware profile (name, or .toml file): brings backend, devices and settings; held against this machine.",
)
@power_option
@settings_option
@click.option("--model", metavar="FILE.onnx", help="Your own network instead of the suite's workloads.")
@own_files_options
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True)
@click.option(
    "--nonce",
    metavar="HEX",
    help="Instead of a seed: 32 to 128 hexadecimal digits that a testing service hands out [certified: drawn].",
)
@click.option(
    "--token",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="certified: the testing service's token, good for one run, instead of --nonce.",
)
@click.option(
    "--budget-s",
    type=click.FloatRange(0, min_open=True),
    help="Start no repetition but the first after this many seconds; the run is partial then.",
)
@robustness_option
@tune_options
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A plan as `--dry-run --format json` prints it.",
)
@click.option("--resume", "resume_run", metavar="RUN", help="Go on with a partial run (its id, folder, or `latest`).")
@click.option("--dry-run", is_flag=True, help="Print the plan and do nothing.")
@output_option
@format_option
@lang_option
@logging_options
@click.pass_context
def command(ctx: click.Context, /, **flags: object) -> int:
    """Measure this host: speed with its interval, and quality against a target, for each workload and scenario.

    Without flags: image_classify and speech_command on the CPU, scenarios single_stream and offline, mode quick.
    """
    from bench.runner import execute, prepare, resume
    from bench.store.places import results_directory

    form, lang = cast(str, flags["form"]), cast(str, flags["lang"])
    results = results_directory(cast("str | None", flags["output"]))
    if not flags["dry_run"]:
        put_back_leftovers(lang)
    if flags["resume_run"] is not None:
        _refuse_flags_beside(ctx, "--resume", _BESIDE_RESUME)
        folder = _partial_run(str(flags["resume_run"]), results)
        budget_s = cast("float | None", flags["budget_s"])
        return _watched(lambda observe: resume(folder, observe, budget_s), None, form, lang)
    prepared = prepare(_plan(ctx, flags))
    if flags["dry_run"]:
        from bench.cli.dry_run import print_plan

        print_plan(prepared, form, lang)
        return exit_codes.OK
    return _watched(lambda observe: execute(prepared, results, observe), prepared, form, lang)


def _plan(ctx: click.Context, flags: dict[str, object]) -> RunPlan:
    if flags["plan_file"] is not None:
        from bench.records.untrusted import read_json

        _refuse_flags_beside(ctx, "--plan", _BESIDE_PLAN)
        return read_json(cast(Path, flags["plan_file"]), RunPlan)
    flags = with_profile(ctx, flags)
    fields = {name: flags[name] for name in RunPlan.__struct_fields__ if name in flags}
    fields["workloads"] = _workloads(flags)
    fields["device"], *more = cast("tuple[str, ...]", flags["devices"])
    fields["more_devices"] = tuple(more)
    fields["rate_per_s"], fields["rates"] = rates(cast("tuple[GivenRate, ...]", flags["given_rates"]))
    fields |= with_token(cast("Path | None", flags["token"]), cast("str | None", flags["nonce"]))
    fields["scenarios"] = flags["scenarios"] or RunPlan().scenarios
    try:
        return RunPlan(**fields)  # type: ignore[arg-type]  # click has checked the types
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None


def _workloads(flags: dict[str, object]) -> tuple[str, ...]:
    asked = cast("tuple[str, ...]", flags["workloads"])
    if flags["model"] is None:
        return asked or DEFAULT_WORKLOADS
    if asked:
        raise click.UsageError("`--workload` names one of the suite's; `--model` brings your own. Use one of them.")
    return (USER_WORKLOAD,)


def _refuse_flags_beside(ctx: click.Context, flag: str, allowed: set[str]) -> None:
    given = [
        parameter.opts[-1]
        for parameter in ctx.command.params
        if ctx.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        and parameter.name not in allowed
    ]
    if given:
        names = ", ".join(f"`{name}`" for name in given)
        raise click.UsageError(f"`{flag}` brings the whole plan; it does not go with {names}.")


def _partial_run(argument: str, results: Path) -> RunFolder:
    from bench.store.runs import RUN, RunFolder, find_record

    file = find_record(argument, results)
    if file.name != RUN:
        raise click.UsageError(f"`--resume` goes on with a whole run; {file} is a part of one.")
    folder = RunFolder(file.parent)
    if folder.load_run().status == "complete":
        raise click.UsageError(f"Run {folder.path.name} is complete; there is nothing to resume.")
    return folder


def _watched(
    start: Callable[[Observer], tuple[RunFolder, Run]], prepared: Prepared | None, form: str, lang: str
) -> int:
    """Run under a live progress display and print what came of it, also when it was interrupted."""
    from bench.cli.progress import Watcher

    watcher = Watcher(prepared, lang)
    try:
        with watcher:
            folder, run = start(watcher.observe)
    except KeyboardInterrupt:
        from bench.text import sentence

        ignore_interrupts()
        click.echo(sentence(lang, "house.interrupted") + _kept(watcher.folder, lang), err=True)
        return exit_codes.INTERRUPTED
    except OSError as error:
        if watcher.folder is None or isinstance(error, BrokenPipeError):
            raise
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {place}{error.strerror or error}.{_kept(watcher.folder, lang)}", err=True)
        return exit_codes.INVALID
    return _finish(folder, run, form, lang)


def _kept(folder: Path | None, lang: str) -> str:
    from bench.text import sentence

    if folder is None:
        return ""
    return " " + sentence(lang, "house.kept", folder=folder, argument=shlex.quote(str(folder)))


def _finish(folder: RunFolder, run: Run, form: str, lang: str) -> int:
    records = folder.load_records()
    if form == "json":
        whole = {"run": run, "records": records}
        print_json(whole, order="deterministic")
    else:
        _print_results(folder, run, records, lang)
    sound = run.status == "complete" and all(record.valid for record in records)
    return exit_codes.OK if sound else exit_codes.INVALID


def _print_results(folder: RunFolder, run: Run, records: list[Record], lang: str) -> None:
    from bench.pages.html import write_report
    from bench.report.terminal import print_table
    from bench.text import sentence

    report = write_report(run, records, folder.path, lang, folder.load_all_trials())
    print_table(console(), records, lang)
    click.echo(f"\n{sentence(lang, 'progress.records', path=folder.path)}")
    click.echo(sentence(lang, "progress.report", path=report))
    if run.status != "complete":
        click.echo(sentence(lang, "house.partial") + _kept(folder.path, lang))
