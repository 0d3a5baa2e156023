"""What `--profile` brings to a run: backend, devices and settings where no flag says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from bench.records.plan import Setting


def with_profile(ctx: click.Context, flags: dict[str, object]) -> dict[str, object]:
    """The flags, filled up from the profile that they name. Raises BadProfile or BadFile."""
    if flags["profile"] is None:
        return flags
    from bench.hardware.profiles import load_profile

    use = load_profile(str(flags["profile"])).use
    if use is None:
        return flags
    filled = dict(flags)
    if not _given(ctx, "backend"):
        filled["backend"] = use.backend
    if filled["backend"] != use.backend:
        return filled  # another engine's devices and settings have other names
    if not _given(ctx, "devices"):
        filled["devices"] = use.devices
    filled["settings"] = {**use.settings, **cast("dict[str, Setting]", flags["settings"])}
    return filled


def _given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
