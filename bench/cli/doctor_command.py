"""`bench doctor`: what this host has, what would disturb or void a run here, and what to do about it."""

from __future__ import annotations

import click

from bench.cli import exit_codes
from bench.cli.common import format_option, lang_option, logging_options, output_option, print_json

_MARKS = {"ok": "ok  ", "note": "note", "warning": "WARN", "error": "BAD "}


@click.command("doctor")
@output_option
@format_option
@lang_option
@logging_options
def command(output: str | None, form: str, lang: str) -> int:
    """Look at this host for five seconds; exit code 11 when a run here could not be valid."""
    from bench.host.doctor import examine
    from bench.store.places import cache_directory, results_directory

    checks = examine(results_directory(output), cache_directory(), lang)
    if form == "json":
        print_json(checks)
    else:
        from bench.text import name

        for check in checks:
            click.echo(f"{_MARKS[check.state]}  {name(lang, 'doctor.name', check.name)}: {check.seen}")
            if check.advice:
                click.echo(f"      → {check.advice}")
    return exit_codes.INVALID if any(check.state == "error" for check in checks) else exit_codes.OK
