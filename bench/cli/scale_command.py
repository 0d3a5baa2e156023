"""`bench scale`: throughput with more workers, cores or devices."""

from __future__ import annotations

from typing import cast

import click

from bench.cli import exit_codes
from bench.cli.common import Names, format_option, lang_option, logging_options, print_json, settings_option
from bench.cli.endurance import endurance_options, plan_of
from bench.records.endurance import Axis
from bench.records.plan import MOST_WORKERS


@click.command("scale")
@click.option("--by", type=Names("axis", ("workers", "cores", "devices")), default="cores", show_default=True)
@click.option("--up-to", type=click.IntRange(1, MOST_WORKERS), help="The most [default: all there are].")
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True, help="How often each, in turn.")
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=2.0, show_default=True, help="How long each time.")
@endurance_options
@settings_option
@format_option
@lang_option
@logging_options
def command(by: str, up_to: int | None, rounds: int, seconds: float, form: str, lang: str, **flags: object) -> int:
    """How throughput grows: e(n) = T(n) / (n · T(1)) with 1, 2, 4 … workers of one thread, cores, or devices.

    Exit code 11 where one of them could not be measured.
    """
    from bench.hardware.container import usable_cores
    from bench.scaling import counts_up_to, scale
    from bench.text import figures, printable, sentence

    plan = plan_of(flags, "offline")
    most = up_to or (len(plan.devices) if by == "devices" else usable_cores())
    found = scale(plan, cast(Axis, by), counts_up_to(most), rounds, seconds)
    if form == "json":
        print_json(found)
    else:
        for point in found.points:
            count = f"{point.count} {sentence(lang, f'scale.{found.axis}')}"
            if point.samples_per_s is None or point.efficiency is None:
                click.echo(sentence(lang, "scale.failed", count=count, why=printable(point.failure or "")))
                continue
            rate = figures.rate(point.samples_per_s, point.interval)
            share = figures.share(point.efficiency, point.efficiency_interval)
            click.echo(sentence(lang, "scale.point", count=count, rate=rate, share=share))
    return exit_codes.INVALID if any(point.failure for point in found.points) else exit_codes.OK
