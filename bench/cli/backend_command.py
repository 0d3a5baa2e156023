"""`bench backend check`: hold a backend against its contract, and say what it does not keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options, settings_option
from bench.cli.forms import Listed, listing_option, tell

if TYPE_CHECKING:
    from bench.conformance.process import Request
    from bench.records.conformance import Verdict
    from bench.records.plan import Setting

Answer = TypeVar("Answer")
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
@click.option("--onnx-nodes", is_flag=True, help="Instead: ONNX's own tests of single operators, and the share passed.")
@settings_option
@listing_option
@lang_option
@logging_options
def check(
    name: str,
    device: str,
    workloads: tuple[str, ...],
    cycles: int,
    onnx_nodes: bool,
    settings: dict[str, Setting],
    form: str,
    lang: str,
) -> int:
    """Check that backend NAME keeps the contract: answers, refusals, sessions at once, memory. It measures no speed.

    Exit code 11 when it does not.
    """
    from bench.conformance.process import Request, check_backend

    request = Request(backend=name, device=device, workloads=workloads, settings=settings, cycles=cycles)
    if onnx_nodes:
        return _check_nodes(request, form, lang)
    verdicts = []
    for verdict in _unless_refused(check_backend(request)):
        verdicts.append(verdict)
        if form == "table":
            _tell(verdict, lang)
    failed = sum(verdict.state == "failed" for verdict in verdicts)
    if form != "table":
        tell(form, _listed(verdicts), lang)
    else:
        from bench.text.catalogue import sentence

        key = "conformance.failed" if failed else "conformance.passed"
        click.echo(sentence(lang, key, name=name, count=len(verdicts), failed=failed))
    return exit_codes.INVALID if failed else exit_codes.OK


def _check_nodes(request: Request, form: str, lang: str) -> int:
    """No part of the contract: an engine may refuse operators, and its answers are told with the others."""
    from bench.conformance.process import Suite, check_nodes

    verdicts, suite = [], Suite(tests=0, fitting=())
    for seen in _unless_refused(check_nodes(request)):
        if isinstance(seen, Suite):
            suite = seen
            continue
        verdicts.append(seen)
        if form == "table" and seen.state != "passed":
            _tell(seen, lang)
    if form != "table":
        tell(form, _listed(verdicts), lang)
    else:
        from bench.text.catalogue import sentence
        from bench.text.figures import share

        states = [verdict.state for verdict in verdicts]
        counts = {state: states.count(state) for state in ("passed", "skipped", "failed")}
        part = share(counts["passed"] / len(verdicts)) if verdicts else "-"
        told = {"name": request.backend, "share": part, "tried": len(verdicts), "tests": suite.tests}
        click.echo(sentence(lang, "conformance.nodes", **told, **counts))
    return exit_codes.OK if suite.fitting else exit_codes.INVALID


def _listed(verdicts: Sequence[Verdict]) -> Listed:
    rows = [(one.code, one.state, one.subject, one.seen) for one in verdicts]
    return Listed(verdicts, ("check", "state", "subject", "seen"), rows)


def _unless_refused(answers: Iterator[Answer]) -> Iterator[Answer]:
    """Answers as they come. Raises UsageError for a request that names what there is not."""
    from bench.conformance.process import Refused

    try:
        yield from answers
    except Refused as refusal:
        raise click.UsageError(str(refusal)) from None


def _tell(verdict: Verdict, lang: str) -> None:
    from bench.text.catalogue import name, printable

    what = name(lang, "check", verdict.code)
    where = f" ({verdict.subject})" if verdict.subject else ""
    seen = f": {printable(verdict.seen)}" if verdict.seen else ""
    click.echo(f"{_MARKS[verdict.state]}  {what}{where}{seen}")
