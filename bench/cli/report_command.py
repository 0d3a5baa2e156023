"""`bench report RUN`: the report of a kept run, written again; of several runs a site that holds them together."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options, output_option

_SITE: Final = "site"


@click.command("report")
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write it [default: into the run; a site into `site` in the results directory].",
)
@click.option("--site", is_flag=True, help="A site of one run, too.")
@output_option
@lang_option
@logging_options
def command(runs: tuple[str, ...], target: Path | None, site: bool, output: str | None, lang: str) -> int:
    """Write report.html and summary.png of RUN: its id, `latest`, or a path. Of several RUNs, or with --site, a site.

    A site is a folder of pages with all systems beside each other, up to 20 of them, to be opened at index.html: no
    server, no network. Its RUNs may be single records, too.
    """
    from bench.store.places import ensure_writable, results_directory
    from bench.store.runs import find_record

    results = results_directory(output)
    files = [(find_record(run, results), run) for run in runs or ("latest",)]
    if not site and len(runs) < 2:
        return _one_run(files[0][0], target, lang)
    from bench.pages.site.gathering import gathered
    from bench.pages.site.writing import write_site

    systems = gathered(files)
    folder = target or results / _SITE
    ensure_writable(folder, "`--to`")
    click.echo(write_site(systems, folder, lang))
    return exit_codes.OK


def _one_run(file: Path, target: Path | None, lang: str) -> int:
    from bench.pages.html import write_report
    from bench.records.record import Run
    from bench.store.places import ensure_writable
    from bench.store.runs import RunFolder, load_any

    kept = load_any(file)
    if not isinstance(kept, Run):
        raise click.UsageError(f"A report is made of a whole run; {file} is a part of one. A site takes it: `--site`.")
    folder = target or file.parent
    ensure_writable(folder, "`--to`")
    inside = RunFolder(file.parent)
    click.echo(write_report(kept, inside.load_records(), folder, lang, inside.load_all_trials()))
    return exit_codes.OK
