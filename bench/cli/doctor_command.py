"""`bench doctor`: what this host has, what would disturb or void a run here, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options, output_option
from bench.cli.forms import Listed, listing_option, print_lines, tell

_MARKS = {"ok": "ok  ", "note": "note", "warning": "WARN", "error": "BAD "}

if TYPE_CHECKING:
    from bench.host.check import Check


@click.command("doctor")
@output_option
@listing_option
@lang_option
@logging_options
def command(output: str | None, form: str, lang: str) -> int:
    """Look at this host for five seconds; exit code 11 when a run here could not be valid."""
    from bench.host.doctor import examine
    from bench.store.places import cache_directory, results_directory

    checks = examine(results_directory(output), cache_directory(), lang)
    rows = [(check.name, check.state, check.seen, check.advice) for check in checks]
    listed = Listed(checks, ("name", "state", "seen", "advice"), rows)
    tell(form, listed, lang, lambda: print_lines(line for check in checks for line in _lines(check, lang)))
    return exit_codes.INVALID if any(check.state == "error" for check in checks) else exit_codes.OK


def _lines(check: Check, lang: str) -> Iterator[str]:
    from bench.text import name

    yield f"{_MARKS[check.state]}  {name(lang, 'doctor.name', check.name)}: {check.seen}"
    if check.advice:
        yield f"      → {check.advice}"
