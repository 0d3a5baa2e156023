"""`bench backend check`: hold a backend against its contract, and say what it does not keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import format_option, lang_option, logging_options, settings_option

if TYPE_CHECKING:
    from bench.records.conformance import Verdict
    from bench.records.plan import Setting

_MARKS = {"passed": "ok  ", "failed": "BAD ", "skipped": "--  "}


@click.group("backend")
def command() -> None:
    """What goes with backends; `bench list backend` names them."""


@command.command("check")
@click.argument("name")
@click.option("--device", default="cpu", show_default=True, metavar="KIND[:INDEX]", help="See `bench list --devices`.")
@click.option(
    "--workload", "workloads", multiple=True, metavar="NAME", help="Workload; may be repeated [default: all]."
)
@click.option("--cycles", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Openings and closings.")
@settings_option
@format_option
@lang_option
@logging_options
def check(
    name: str, device: str, workloads: tuple[str, ...], cycles: int, settings: dict[str, Setting], form: str, lang: str
) -> int:
    """Check that backend NAME keeps the contract: answers, refusals, sessions at once, memory. It measures no speed.

    Exit code 11 when it does not.
    """
    from bench.conformance.process import Refused, Request, check_backend

    request = Request(backend=name, device=device, workloads=workloads, settings=settings, cycles=cycles)
    verdicts = []
    try:
        for verdict in check_backend(request):
            verdicts.append(verdict)
            if form == "table":
                _tell(verdict, lang)
    except Refused as refusal:
        raise click.UsageError(str(refusal)) from None
    failed = sum(verdict.state == "failed" for verdict in verdicts)
    if form == "json":
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(verdicts), indent=1))
    else:
        from bench.text.catalogue import sentence

        key = "conformance.failed" if failed else "conformance.passed"
        click.echo(sentence(lang, key, name=name, count=len(verdicts), failed=failed))
    return exit_codes.INVALID if failed else exit_codes.OK


def _tell(verdict: Verdict, lang: str) -> None:
    from bench.text.catalogue import name, printable

    what = name(lang, "check", verdict.code)
    where = f" ({verdict.subject})" if verdict.subject else ""
    seen = f": {printable(verdict.seen)}" if verdict.seen else ""
    click.echo(f"{_MARKS[verdict.state]}  {what}{where}{seen}")
