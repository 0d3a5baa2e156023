"""`bench soak`: steady load for as long as asked, and whether anything drifts, grows, fails or throttles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import Names, format_option, lang_option, logging_options, print_json, settings_option
from bench.cli.endurance import endurance_options, plan_of
from bench.cli.power import power_option

if TYPE_CHECKING:
    from bench.records.endurance import Soak, Trend

_MOST_MINUTES = 7 * 24 * 60


@click.command("soak")
@click.option(
    "--minutes",
    type=click.FloatRange(0, _MOST_MINUTES, min_open=True),
    default=10.0,
    show_default=True,
    help="How long.",
)
@click.option(
    "--scenario", type=Names("scenario", ("offline", "single_stream", "server")), default="offline", show_default=True
)
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="server: queries per second.")
@power_option
@endurance_options
@settings_option
@format_option
@lang_option
@logging_options
def command(minutes: float, scenario: str, rate: float | None, form: str, lang: str, **flags: object) -> int:
    """Load one workload for --minutes: throughput, latency and memory over time, energy, with a verdict.

    Exit code 11 where it is not sound: something failed, throttled, drifted by over 2 %, or memory grew.
    """
    from bench.soaking import soak

    if (scenario == "server") != (rate is not None):
        raise click.UsageError("`--rate` goes with `--scenario server`, which needs one.")
    found = soak(plan_of(flags, scenario, rate), minutes * 60.0)
    if form == "json":
        print_json(found)
    else:
        _tell(found, lang)
    return exit_codes.OK if found.sound else exit_codes.INVALID


def _tell(found: Soak, lang: str) -> None:
    from bench.text import figures, printable, sentence
    from bench.text.findings import finding_text

    if found.failure is not None:
        click.echo(sentence(lang, "soak.failed", why=printable(found.failure)))
        return
    name, time = found.measurement.name, figures.duration(found.seconds)
    click.echo(sentence(lang, "soak.done", name=name, time=time))
    for key, trend, write in (
        ("throughput", found.samples_per_s, figures.rate),
        ("latency", found.latency_ns, figures.latency),
        ("memory", found.memory_bytes, figures.size),
    ):
        click.echo(_line(key, trend, write, lang))
    _tell_energy(found, lang)
    for one in found.findings:
        text = finding_text(lang, one)
        click.echo(f"{sentence(lang, f'severity.{one.severity}')}: {text.title}: {text.seen} [{one.code}]")
    click.echo(sentence(lang, "soak.sound" if found.sound else "soak.unsound"))


def _tell_energy(found: Soak, lang: str) -> None:
    from bench.report.energy import energy_section
    from bench.text import figures, sentence

    for metric, figure in found.energy_per_sample_j.items():
        if figure.value is not None:
            label, text = sentence(lang, f"metric.{metric}.name"), figures.energy(figure.value)
            click.echo(sentence(lang, "phrase.labelled", label=label, text=text))
    section = energy_section(found.energy, lang)
    for label, text in section.lines:
        click.echo(sentence(lang, "soak.energy", label=label, text=text))


def _line(key: str, trend: Trend | None, write: object, lang: str) -> str:
    from bench.text import figures, sentence

    label = sentence(lang, f"soak.{key}")
    if trend is None:
        return sentence(lang, "soak.short", label=label)
    assert callable(write)
    return sentence(
        lang,
        "soak.drifts" if trend.drifts else "soak.steady",
        label=label,
        first=write(trend.first),
        last=write(trend.last),
        change=f"{100.0 * trend.change:+.1f} %",
        p=figures.ratio(trend.significance),
    )
