"""`bench plot`: one picture of kept records or of a list, as a file."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli import exit_codes
from bench.cli.common import Names, lang_option, logging_options, output_option
from bench.cli.pictures import picture_option

# As in `bench.plots.asked`, which would bring numpy in; a test holds them together.
_KINDS = (
    *("latency", "course", "ramp", "search", "compare", "roofline", "state", "front"),
    *("places", "pairs", "budget", "forest"),
)


@click.command("plot")
@click.argument("picture", type=Names("picture", _KINDS), metavar="PICTURE")
@click.argument("records", nargs=-1, required=True, metavar="RECORD...")
@picture_option("--to", "target", "Where to: FILE.png or FILE.svg.", required=True)
@click.option("--metric", help="compare: which figure [default: the primary one].")
@click.option("--row", type=click.IntRange(1), help="budget, forest: number of a row [default: the first; all].")
@output_option
@lang_option
@logging_options
def command(
    picture: str,
    records: tuple[str, ...],
    target: Path,
    metric: str | None,
    row: int | None,
    output: str | None,
    lang: str,
) -> int:
    """Draw PICTURE of RECORD...: run ids, `latest`, RUN/MEASUREMENT or paths; several are several systems.

    \b
    latency   by percentile to the slowest query, with published percentiles
    course    latency or rate over the time of the run
    ramp      rates and latency over the rate that was offered
    search    what was tried for the highest rate or the most cameras
    compare   one figure of several systems, with intervals
    roofline  operations per second under the peaks of the device
    state     clock, temperature, load, power of the machine, by repetition
    front     throughput, latency and energy: who is beaten by nobody

    Of a list (the list.json that `bench procure` wrote, or its folder): front,

    \b
    places    from which place to which each row may stand
    pairs     which pairs of rows are told apart
    budget    where the uncertainty comes from
    forest    ratios to the reference
    """
    from bench.plots.asked import Wish, drawn
    from bench.plots.drawing import to_file
    from bench.plots.fonts import plot_language
    from bench.plots.subjects import subject_of
    from bench.store.files import write_bytes
    from bench.store.places import results_directory

    labelled = plot_language(lang)
    figure = drawn(picture, subject_of(records, results_directory(output)), Wish(metric, row), labelled)
    write_bytes(target, to_file(figure, labelled, picture, target))
    click.echo(target)
    return exit_codes.OK
