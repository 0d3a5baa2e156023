"""`bench compare A B`: is B better or worse than A, metric by metric?"""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli.common import lang_option, logging_options, output_option
from bench.cli.comparison_output import allow_option, comparison_options, tell


@click.command("compare")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@allow_option
@comparison_options
@output_option
@lang_option
@logging_options
def command(
    first: str,
    second: str,
    allowed: tuple[str, ...],
    margins_file: Path | None,
    strict: bool,
    junit_file: Path | None,
    form: str,
    output: str | None,
    lang: str,
) -> int:
    """Hold run or record B against A: better, worse, same or inconclusive for each metric, over their repetitions.

    Exit code 10: something is worse. 11: a record is invalid or a figure vanished. 12: something is not judged (one
    repetition, a new figure) or, with --strict, inconclusive. 2: the records are not alike; the message names a field.
    """
    from bench.comparing.judging import compare
    from bench.comparing.kept import kept_records
    from bench.comparing.margins import read_margins
    from bench.store.places import results_directory
    from bench.store.runs import find_record

    margins, results = read_margins(margins_file), results_directory(output)
    one, other = (kept_records(find_record(argument, results), argument) for argument in (first, second))
    comparison = compare(one, other, margins, allowed, names=(first, second))
    return tell(comparison, form, lang, strict, junit_file)
