"""`bench query`: questions to all kept figures, by name or in SQL."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final  # Any: what a database returns

import click

from bench.cli import exit_codes
from bench.cli.common import Names, lang_option, logging_options, output_option
from bench.cli.forms import Listed, listing_option, tell

if TYPE_CHECKING:
    from bench.text.tabular import Cell

_SOUND: Final = "valid AND quality_passed AND origin = 'measured'"
_WHO: Final = "run_id, coalesce(product, cpu) AS system, backend, device, precision, mode"
_QUESTIONS: Final = {
    # The highest or lowest primary figure of each workload and scenario, per machine class.
    "best": (
        f"SELECT workload, scenario, timed_region, machine_class, metric, unit, value, low, high, {_WHO} FROM figures "
        f"WHERE {_SOUND} AND is_primary QUALIFY row_number() OVER (PARTITION BY workload, scenario, timed_region, "
        "machine_class ORDER BY CASE WHEN unit = 'ns' THEN value ELSE -value END) = 1 ORDER BY workload, scenario"
    ),
    # Systems by the cameras they hold, the most first; with --watts only those whose power limit is known to fit.
    "channels": (
        f"SELECT value AS channels, timed_region, power_limit_w, {_WHO} FROM figures WHERE {_SOUND} "
        "AND metric = 'channels' AND ($watts IS NULL OR power_limit_w <= $watts) ORDER BY value DESC, run_id"
    ),
    # The runs with how many figures each has, and whether all of them are valid.
    "runs": (
        "SELECT run_id, mode, backend, device, count(DISTINCT workload || scenario || precision) AS measurements, "
        "count(*) AS figures, bool_and(valid) AS valid FROM figures GROUP BY ALL ORDER BY run_id DESC"
    ),
}


@click.command("query")
@click.argument("question", type=Names("question", tuple(_QUESTIONS)), required=False, metavar="[QUESTION]")
@click.option("--sql", help="A question of your own: SQL over the table `figures`.")
@click.option("--watts", type=click.FloatRange(0, min_open=True), help="channels: the most that the system may take.")
@listing_option
@output_option
@lang_option
@logging_options
def command(
    question: str | None, sql: str | None, watts: float | None, form: str, output: str | None, lang: str
) -> int:
    """Ask all kept figures: QUESTION is one of best, channels, runs; --sql asks anything of the table `figures`.

    Without both, the columns of that table.
    """
    import duckdb

    from bench.store.index import columns, refreshed
    from bench.store.places import results_directory
    from bench.text import printable, sentence

    if question is not None and sql is not None:
        raise click.UsageError(f"`--sql` and the question {question!r} are two questions; ask one.")
    if watts is not None and question != "channels":
        raise click.UsageError("`--watts` goes with the question `channels`.")
    if question is None and sql is None:
        _show(("column", "type"), list(columns().items()), form)
        return exit_codes.OK
    connection, broken = refreshed(results_directory(output))
    for line in broken:
        click.echo(sentence(lang, "house.left_out", line=printable(line)), err=True)
    text = sql if sql is not None else _QUESTIONS[str(question)]
    try:
        answer = connection.execute(text, {"watts": watts} if question == "channels" else None)
        headers, rows = [entry[0] for entry in answer.description or ()], answer.fetchall()
    except duckdb.Error as error:
        message = " ".join(str(error).split())[:400]
        raise click.UsageError(f"`--sql`: {message}") from None
    _show(headers, rows, form)
    if not rows:
        click.echo(sentence(lang, "house.no_figure"), err=True)
    return exit_codes.OK


def _show(headers: Sequence[str], rows: list[tuple[Any, ...]], form: str) -> None:
    known = [tuple(_cell(value) for value in row) for row in rows]
    whole = [dict(zip(headers, row, strict=True)) for row in known]
    tell(form, Listed(whole, headers, known), None)


def _cell(value: Any) -> Cell:
    """A database's value as one of ours; lists, structures and the like as text."""
    return value if value is None or isinstance(value, str | int | float | Decimal | datetime.date) else str(value)
