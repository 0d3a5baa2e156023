"""`bench host`: the state of this machine, and settings that make its speed steadier while a command runs."""

from __future__ import annotations

import os
import subprocess

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options
from bench.cli.forms import Listed, listing_option, print_lines, tell
from bench.cli.leftovers import tell_restored


@click.group("host")
def command() -> None:
    """This machine: what is set on it, and what would make it steadier."""


@command.command("show")
@listing_option
@lang_option
@logging_options
def show(form: str, lang: str) -> int:
    """Settings and figures that a run records before, during and after; reads only."""
    from bench.host.state import knobs_here
    from bench.text import name

    found = {knob.name: (knob.read(), knob) for knob in knobs_here()}
    rows = [(key, value, knob.why() if value is None else "") for key, (value, knob) in found.items()]
    shown = {
        key: f"— ({why})" if value is None else f"{value:g}" if isinstance(value, float) else value
        for key, value, why in rows
    }
    listed = Listed({key: value for key, value, _ in rows}, ("name", "value", "why"), rows)
    tell(form, listed, lang, lambda: print_lines(f"{name(lang, 'knob', key)}: {text}" for key, text in shown.items()))
    return exit_codes.OK


@command.command("tune", context_settings={"ignore_unknown_options": True})
@click.option("--apply", "apply_", is_flag=True, help="Change the settings while COMMAND runs, and put them back.")
@click.argument("words", nargs=-1, metavar="[COMMAND…]", type=click.UNPROCESSED)
@lang_option
@logging_options
def tune(apply_: bool, words: tuple[str, ...], lang: str) -> int:
    """What would be changed here; with --apply it is changed for as long as COMMAND runs (such as `bench run`).

    The run's records say what was changed. What a kill leaves changed the next start puts back, or `bench host
    restore`. Exit code: that of COMMAND.
    """
    from bench.hardware.files import Files
    from bench.host.leftover import leftover
    from bench.host.state import TUNED
    from bench.host.tune import applied, changes, summary
    from bench.text import sentence

    if apply_ and not words:
        raise click.UsageError("`--apply` changes settings for as long as a command runs; name it: `-- bench run …`.")
    if words and not apply_:
        raise click.UsageError(f"`{words[0]}` would run with nothing changed; add `--apply`.")
    files = Files()
    if not apply_:
        left = leftover(files)
        for line in summary(changes(files)) or (sentence(lang, "host.still" if left else "host.nothing"),):
            click.echo(line)
        return exit_codes.OK
    with applied(files) as wanted:
        for line in summary(wanted) or (sentence(lang, "host.nothing"),):
            click.echo(line, err=True)
        try:
            child = subprocess.run(words, env={**os.environ, TUNED: "; ".join(summary(wanted))}, check=False)
        except OSError as error:
            raise click.UsageError(f"`{words[0]}` cannot be run: {error.strerror}.") from None
    return child.returncode if child.returncode >= 0 else exit_codes.INTERRUPTED


@command.command("restore")
@lang_option
@logging_options
def restore(lang: str) -> int:
    """Put back what a killed `bench host tune --apply` left changed.

    A setting that somebody has changed to another word since stays as it is.
    """
    from bench.hardware.files import Files
    from bench.host.leftover import undo_leftover

    if not tell_restored(undo_leftover(Files()), lang):
        from bench.text import sentence

        click.echo(sentence(lang, "host.as_it_was"))
    return exit_codes.OK
