"""`bench workload`: a package of one's own, its figures computed anew, what is wrong with it, what a sample costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options, output_option
from bench.cli.forms import Listed, listing_option, tell

if TYPE_CHECKING:
    from bench.records.workload_check import Remark, WorkloadVerdict

_MARKS = {"passed": "ok  ", "failed": "BAD ", "skipped": "--  "}


@click.group("workload")
def command() -> None:
    """Workloads of one's own; `bench list workload` names the installed ones."""


@command.command("new")
@click.argument("name")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder to write, not there yet or empty [default: bench-workload-NAME here].",
)
@lang_option
@logging_options
def new(name: str, output: Path | None, lang: str) -> int:
    """Write a complete package for the workload NAME, to be installed and then changed."""
    from bench.authoring.new import default_folder, write_workload
    from bench.text import sentence

    folder = (output or default_folder(name)).expanduser()
    write_workload(name, folder)
    click.echo(sentence(lang, "workload.written", folder=folder))
    for step in (f"pip install -e {folder}", f"bench workload check {name}", f"bench run --workload {name}"):
        click.echo(f"  {step}")
    return exit_codes.OK


@command.command("refresh")
@click.argument("name_or_dir", metavar="NAME|DIR")
@lang_option
@logging_options
def refresh(name_or_dir: str, lang: str) -> int:
    """Compute hash, opset, parameters and operations in workload.toml again, and the reference answers.

    Onnx's own evaluator answers the evaluation set in double precision: seconds for each sample of a large network.
    """
    from rich.console import Console
    from rich.progress import Progress

    from bench.authoring import refresh as work
    from bench.text import sentence

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(sentence(lang, "workload.answering"), total=None)
        done = work.refresh(name_or_dir, lambda count, total: bar.update(task, completed=count, total=total))
    for field, value in done.figures.items():
        key = "workload.figure_changed" if field in done.changed else "workload.figure_same"
        click.echo(sentence(lang, key, field=field, value=value))
    if done.value is not None:
        target = "-" if done.target is None else f"{done.target:g}"
        click.echo(sentence(lang, "workload.reference", value=f"{done.value:.4f}", target=target))
    return exit_codes.OK


@command.command("check")
@click.argument("name_or_dir", metavar="NAME|DIR")
@listing_option
@lang_option
@logging_options
def check(name_or_dir: str, form: str, lang: str) -> int:
    """Say what is right and wrong with the installed workload NAME, or the package in DIR. It measures nothing.

    Exit code 11 when something is wrong.
    """
    from bench.authoring.process import check_workload

    verdicts = []
    for verdict in check_workload(name_or_dir):
        verdicts.append(verdict)
        if form == "table":
            _tell(verdict, lang)
    failed = sum(verdict.state == "failed" for verdict in verdicts)
    if form == "table":
        from bench.text import sentence

        key = "workload.failed" if failed else "workload.passed"
        click.echo(sentence(lang, key, name=name_or_dir, count=len(verdicts), failed=failed))
    else:
        rows = [(one.check, one.state, " · ".join(_said(remark, lang) for remark in one.remarks)) for one in verdicts]
        tell(form, Listed(verdicts, ("check", "state", "seen"), rows), lang)
    return exit_codes.INVALID if failed else exit_codes.OK


@command.command("cost")
@click.argument("run")
@output_option
@lang_option
@logging_options
def cost(run: str, output: str | None, lang: str) -> int:
    """Store what a sample costs a processor: the processor time in RUN, a kept run id, `latest` or a path.

    A card whose host spends over 5 % of that is found to leave work to it (`host-offload`). RUN must be
    `bench run --mode standard --scenario offline --threads 1 --workload …`, onnxruntime on a cpu in fp32.
    """
    from bench.authoring.cost import store_costs
    from bench.store.places import results_directory
    from bench.store.runs import RunFolder, find_record
    from bench.text import figures, sentence

    stored = store_costs(RunFolder(find_record(run, results_directory(output)).parent))
    for file, one in stored.items():
        low, time, high = (figures.duration(seconds) for seconds in (one.low, one.seconds, one.high))
        click.echo(sentence(lang, "workload.cost", file=file, time=time, low=low, high=high))
    return exit_codes.OK


def _tell(verdict: WorkloadVerdict, lang: str) -> None:
    from bench.text import name, sentence

    what = name(lang, "workload_check", verdict.check)
    if verdict.state == "skipped":
        what = sentence(lang, "phrase.labelled", label=what, text=sentence(lang, "workload.skipped"))
    click.echo(f"{_MARKS[verdict.state]}  {what}")
    for remark in verdict.remarks:
        click.echo(f"        {_said(remark, lang)}")


def _said(remark: Remark, lang: str) -> str:
    from bench.text import printable, sentence

    mark = "✗ " if remark.wrong else "· "
    return mark + printable(sentence(lang, f"workload_remark.{remark.code}", **remark.values))
