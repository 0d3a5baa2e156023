"""`bench pack RUN -o FILE`: one archive of a run, for whoever is to verify it."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli import exit_codes
from bench.cli.common import format_option, lang_option, logging_options, print_json
from bench.cli.signing import key_options
from bench.records.submission import REDACTED, Obstacle, Redacted


@click.command("pack")
@click.argument("run", default="latest")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Archive to write [RUN_ID.tar].")
@click.option("--results", metavar="DIR", help="Results directory [default: BENCH_RESULTS, else ./results].")
@click.option(
    "--redact",
    "kinds",
    multiple=True,
    type=click.Choice(REDACTED),
    help="Take these out, and say so in the manifest; may be repeated.",
)
@key_options
@format_option
@lang_option
@logging_options
def command(
    run: str,
    output: Path | None,
    results: str | None,
    kinds: tuple[Redacted, ...],
    key: Path | None,
    passphrase_file: Path | None,
    form: str,
    lang: str,
) -> int:
    """Pack RUN: its id, `latest`, or a path. With --key it is signed by whoever submits it.

    Exit code 11 where files are missing (nothing is written) or the run is not admissible (the manifest says why).
    """
    from bench.cli.signing import sign_archive
    from bench.records.record import Run
    from bench.store.places import ensure_writable, results_directory
    from bench.store.runs import RunFolder, find_record, load_any
    from bench.submission.packing import NotPacked, pack
    from bench.submission.redaction import Redaction
    from bench.submission.signing import signatures_file

    file = find_record(run, results_directory(results))
    if not isinstance(load_any(file), Run):
        raise click.UsageError(f"A whole run is packed; {file} is a part of one.")
    target = (output or Path(f"{file.parent.name}.tar")).absolute()
    if target.is_dir():
        raise click.UsageError(f"`--output {target}` is a folder; name the archive to write.")
    if signatures_file(target).exists():
        raise click.UsageError(f"{target} has been signed ({signatures_file(target).name}); pack to another name.")
    ensure_writable(target.parent, "`--output`")
    try:
        packed = pack(RunFolder(file.parent), target, Redaction(kinds))
    except NotPacked as error:
        if not error.missing:
            raise
        _tell("missing", error.missing, lang)
        click.echo(f"Error: {error}", err=True)
        return exit_codes.INVALID
    if key is not None:
        sign_archive(target, packed.sha256, packed.manifest.run_id, "submitter", key, passphrase_file)
    if form == "json":
        print_json(packed)
    else:
        click.echo(f"{target}  sha256 {packed.sha256}")
        _tell("inadmissible", packed.manifest.not_admissible, lang)
    return exit_codes.INVALID if packed.manifest.not_admissible else exit_codes.OK


def _tell(table: str, obstacles: tuple[Obstacle, ...], lang: str) -> None:
    from bench.text import sentence
    from bench.text.catalogue import printable

    if obstacles:
        click.echo(sentence(lang, f"{table}.title"))
    for one in obstacles:
        click.echo("  " + printable(sentence(lang, f"{table}.{one.code}", subject=one.subject, seen=one.seen)))
