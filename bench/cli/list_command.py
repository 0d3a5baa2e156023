"""`bench list`: names without imports, or devices by asking every backend in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import Names, lang_option, logging_options, output_option
from bench.cli.forms import Listed, listing_option, print_lines, tell
from bench.plugins import plugin_names
from bench.records.plan import SCENARIOS

if TYPE_CHECKING:
    from bench.host.probe import Probe

_KINDS = ("workload", "backend", "scenario", "profile", "model", "run")


@click.command("list")
@click.argument("kind", type=Names("kind of list", _KINDS), required=False, metavar="[KIND]")
@click.option("--devices", is_flag=True, help="Ask each backend for its devices, each in a child process.")
@output_option
@listing_option
@lang_option
@logging_options
def command(kind: str | None, devices: bool, output: str | None, form: str, lang: str) -> int:
    """Names of what there is; KIND is one of workload, backend, scenario, profile, model, run.

    `model` are official weights that `bench model fetch` knows by name.
    """
    if devices:
        if kind is not None:
            raise click.UsageError(f"`--devices` lists devices only; it does not go with {kind!r}.")
        return _list_devices(form, lang)
    kinds = (kind,) if kind else _KINDS[:-1]
    names = {entry: _names(entry, output) for entry in kinds}
    rows = [(entry, name) for entry in kinds for name in names[entry]]
    tell(form, Listed(names, ("kind", "name"), rows), lang, lambda: _show(names, kind is None))
    return exit_codes.OK


def _show(names: dict[str, list[str]], headed: bool) -> None:
    """One name a line, so that a shell can go through them."""
    from bench.text import printable

    for kind, entries in names.items():
        if headed:
            click.echo(f"{kind}:")
        for name in entries:
            click.echo(f"  {printable(name)}" if headed else printable(name))


def _names(kind: str, output: str | None) -> list[str]:
    if kind == "scenario":
        return list(SCENARIOS)
    if kind == "profile":
        from bench.hardware.profiles import profile_names

        return profile_names()
    if kind == "model":
        from bench.download.wanted import known_models

        return list(known_models())
    if kind == "run":
        from bench.store.places import results_directory, run_names

        return run_names(results_directory(output))
    return plugin_names(f"bench.{kind}s")


def _list_devices(form: str, lang: str) -> int:
    from bench.host.probe import probe_backends

    probes = probe_backends(plugin_names("bench.backends"))
    rows = [row for probe in probes for row in _rows(probe)]
    listed = Listed(probes, ("backend", "device", "title", "precisions", "why"), rows)
    tell(form, listed, lang, lambda: print_lines(line for probe in probes for line in _lines(probe)))
    return exit_codes.OK


def _rows(probe: Probe) -> Iterator[tuple[str, str, str, str, str]]:
    """Devices, then what cannot be used and why; a backend without any has one row that says why."""
    if not probe.devices and not probe.unusable:
        yield probe.backend, "", "", "", probe.why or ""
    for device in probe.devices:
        yield probe.backend, device.address, device.title, " ".join(device.precisions), ""
    for what, why in probe.unusable.items():
        yield probe.backend, what, "", "", why


def _lines(probe: Probe) -> Iterator[str]:
    yield f"{probe.backend}:" + ("" if probe.devices else f" no devices: {probe.why}")
    for device in probe.devices:
        yield f"  {device.address:8} {device.title}  [{', '.join(device.precisions)}]"
    for what, why in probe.unusable.items():
        yield f"  {what:8} cannot be used: {why}"
