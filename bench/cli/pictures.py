"""A flag that takes the file of a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar  # Any: what a command takes

import click

F = TypeVar("F", bound=Callable[..., Any] | click.Command)


def picture_option(flag: str, name: str, help: str, required: bool = False) -> Callable[[F], F]:
    """`flag` FILE, a PNG or SVG by its suffix, in a folder that can be written to; None where it is not given."""

    def checked(ctx: click.Context, parameter: click.Parameter, target: Path | None) -> Path | None:
        from bench.store.places import ensure_writable

        if target is None:
            return None
        if target.suffix.lower() not in (".png", ".svg"):
            raise click.UsageError(f"`{flag} {target}`: the name of a picture ends in .png or .svg.", ctx)
        ensure_writable(target.absolute().parent, f"`{flag}`")
        return target

    kind = click.Path(dir_okay=False, path_type=Path)
    return click.option(flag, name, type=kind, metavar="FILE", callback=checked, required=required, help=help)
