"""`bench profile`: what this machine is, which profiles there are, what is wrong with one, and how two differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import format_option, lang_option, logging_options, print_json
from bench.cli.forms import Listed, listing_option, print_lines, tell
from bench.plugins import plugin_names
from bench.records.plan import MOST_THREADS

if TYPE_CHECKING:
    from bench.records.profile import Profile

_HERE = "host"


@click.group("profile")
def command() -> None:
    """Hardware profiles. PROFILE is a name of `bench profile list`, or a file that ends with .toml."""


@command.command("list")
@listing_option
@lang_option
@logging_options
def list_(form: str, lang: str) -> int:
    """Profiles that ship with the harness, with class, vendor and model."""
    from bench.hardware.profiles import load_profile, profile_names

    shown = [load_profile(name) for name in profile_names()]
    rows = [(one.name, one.machine_class, one.vendor, one.model, bool(one.tested)) for one in shown]
    tell(form, Listed(shown, ("name", "machine_class", "vendor", "model", "tested"), rows), lang)
    return exit_codes.OK


@command.command("show")
@click.argument("name", metavar="PROFILE")
@listing_option
@lang_option
@logging_options
def show(name: str, form: str, lang: str) -> int:
    """The facts of a profile, one a line; `host` is this machine."""
    from bench.hardware.profiles import flat

    profile = _profile(name)
    tell(form, Listed(profile, ("fact", "value"), list(flat(profile).items())), lang)
    return exit_codes.OK


@command.command("detect")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write there [default: print].")
@click.option("--name", default="this-host", show_default=True, help="Name of the profile.")
@click.option("--serials", is_flag=True, help="Leave serial numbers in.")
@format_option
@logging_options
def detect(output: Path | None, name: str, serials: bool, form: str) -> int:
    """Write a profile of this machine: all that can be read without privileges, and why the rest cannot.

    Serial numbers are left out unless asked for.
    """
    import msgspec

    from bench.hardware.profiles import redacted
    from bench.hardware.toml import as_toml
    from bench.host.describing import whole_profile
    from bench.store.places import ensure_writable

    if output is not None:
        ensure_writable(output.absolute().parent, "`-o`")  # before it takes seconds to look
    profile = msgspec.structs.replace(whole_profile(plugin_names("bench.backends")), name=name)
    profile = profile if serials else redacted(profile)
    if form == "json":
        print_json(profile)
        return exit_codes.OK
    text = as_toml(profile, "Written by `bench profile detect`. [unknown] says why a fact is missing.")
    if output is None:
        click.echo(text, nl=False)
        return exit_codes.OK
    from bench.store.files import write_bytes

    write_bytes(output.absolute(), text.encode())
    click.echo(str(output))
    return exit_codes.OK


@command.command("check")
@click.argument("name", metavar="PROFILE")
@click.option("--here", is_flag=True, help="Hold it against this machine, too.")
@listing_option
@lang_option
@logging_options
def check(name: str, here: bool, form: str, lang: str) -> int:
    """Whether a profile is sound; with --here whether this machine is such a one. Exit code 11 when not."""
    from bench.hardware.agreement import contradictions
    from bench.hardware.checking import faults
    from bench.hardware.profiles import load_profile
    from bench.host.describing import quick_profile
    from bench.text import sentence

    profile = load_profile(name)
    found = faults(profile, plugin_names("bench.backends"))
    machine = quick_profile() if here else None
    contradicting = contradictions(profile, machine) if machine is not None else ()
    lines = [sentence(lang, f"profile_fault.{fault.code}", path=fault.path, seen=fault.seen) for fault in found]
    for entry in contradicting:
        words = {"path": entry.path, "typed": entry.typed, "detected": entry.detected}
        lines.append(sentence(lang, "profile.contradiction", **words))
    wrong = len(lines)
    if machine is not None and profile.accelerators and not machine.accelerators:
        lines.append(sentence(lang, "profile.unseen", why=machine.unknown.get("accelerators", "")))
    lines.append(sentence(lang, "profile.unsound" if wrong else "profile.sound", name=profile.name, count=wrong))
    rows = [(fault.code, fault.path, fault.seen, "") for fault in found]
    rows += [("contradiction", entry.path, entry.typed, entry.detected) for entry in contradicting]
    whole = {"profile": profile.name, "faults": found, "contradictions": contradicting}
    tell(form, Listed(whole, ("code", "fact", "seen", "detected"), rows), lang, lambda: print_lines(lines))
    return exit_codes.INVALID if wrong else exit_codes.OK


@command.command("diff")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@listing_option
@lang_option
@logging_options
def diff(first: str, second: str, form: str, lang: str) -> int:
    """Facts that two profiles have differently; `host` is this machine."""
    from bench.hardware.profiles import differences
    from bench.text import sentence

    found = differences(_profile(first), _profile(second))
    lines = [f"{entry.path}: {entry.first or '—'} → {entry.second or '—'}" for entry in found]
    lines = lines or [sentence(lang, "profile.same", first=first, second=second)]
    rows = [(entry.path, entry.first, entry.second) for entry in found]
    tell(form, Listed(found, ("fact", "first", "second"), rows), lang, lambda: print_lines(lines))
    return exit_codes.OK


@command.command("peaks")
@click.option("--backend", default="onnxruntime", show_default=True, metavar="NAME", help="See `bench list backend`.")
@click.option("--device", default="cpu", show_default=True, metavar="KIND[:INDEX]", help="See `bench list --devices`.")
@click.option("--threads", type=click.IntRange(1, MOST_THREADS), help="Threads [default: usable cores].")
@click.option("--seconds", type=click.FloatRange(0.1, 600.0), default=3.0, show_default=True, help="Time for each.")
@click.option("--into", metavar="FILE.toml", help="Write them into this profile.")
@format_option
@lang_option
@logging_options
def peaks(
    backend: str, device: str, threads: int | None, seconds: float, into: str | None, form: str, lang: str
) -> int:
    """Measure what a device reaches at most: matrix products in each precision, and reading memory.

    From host to host, as everything here; exit code 11 where nothing could be measured.
    """
    from bench.cli.peaks import told
    from bench.hardware.container import usable_cores
    from bench.hardware.profiles import load_profile
    from bench.host.describing import quick_profile
    from bench.peaks.keeping import with_peaks
    from bench.peaks.process import measured_peaks, request_for

    profile = load_profile(into) if into is not None else None
    request = request_for(backend, device, threads or usable_cores(), seconds, quick_profile())
    found = []
    for one in measured_peaks(request):
        found.append(one)
        if form == "table":
            click.echo(told(one, lang))
    if form == "json":
        print_json(found)
    if profile is not None and into is not None:
        from bench.hardware.toml import as_toml
        from bench.store.files import write_bytes
        from bench.text import sentence

        write_bytes(Path(into).absolute(), as_toml(with_peaks(profile, found)).encode())
        click.echo(sentence(lang, "peaks.written", path=into), err=form == "json")
    return exit_codes.OK if any(one.per_s is not None for one in found) else exit_codes.INVALID


def _profile(name: str) -> Profile:
    """A profile by name or file, or that of this machine, without serial numbers."""
    from bench.hardware.profiles import load_profile, redacted

    if name != _HERE:
        return load_profile(name)
    from bench.host.describing import whole_profile

    return redacted(whole_profile(plugin_names("bench.backends")))
