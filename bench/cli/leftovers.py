"""What a killed `bench host tune --apply` left changed, put back by whichever command comes next, and told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bench.host.leftover import Restored


def put_back_leftovers(lang: str) -> None:
    """At the start of a command that measures; where it cannot be done that is told, and the command goes on."""
    from bench.hardware.files import Files
    from bench.host.leftover import CannotTune, TunedNow, undo_leftover

    try:
        tell_restored(undo_leftover(Files()), lang)
    except TunedNow:
        return  # it is no leftover: its process lives
    except CannotTune as error:
        from bench.text import sentence

        click.echo(sentence(lang, "host.left_over", why=error), err=True)


def tell_restored(found: Restored, lang: str) -> bool:
    """On stderr, a line for each kind of change; False where there was none."""
    from bench.host.tune import summary
    from bench.text import sentence

    for key, some in (("host.put_back", found.put_back), ("host.left_alone", found.left)):
        for change in summary(some):
            click.echo(sentence(lang, key, change=change), err=True)
    return bool(found.put_back or found.left)
