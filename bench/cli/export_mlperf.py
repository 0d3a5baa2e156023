"""`bench export mlperf`: the tree of a submission, and what its checker will find wanting."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli import exit_codes
from bench.cli.common import Names, lang_option, logging_options, output_option

# As `bench.interchange.benchmarks` has them; a test holds the two together, so that help needs no import.
BENCHMARKS = ("resnet50", "yolo-95", "yolo-99", "whisper", "bert-99", "3d-unet-99")
_NAMES = "A-Z a-z 0-9 . _ + -"


@click.command("mlperf")
@click.argument("run", default="latest")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--submitter", required=True, help="Whose submission it is; becomes a folder.")
@click.option("--system", required=True, help="The system's name; becomes a folder.")
@click.option(
    "--benchmark",
    type=Names("benchmark", BENCHMARKS),
    default="resnet50",
    show_default=True,
    help="Whose place the model takes.",
)
@click.option("--status", type=Names("status", ("available", "preview", "rdi")), default="rdi", show_default=True)
@click.option(
    "--system-type",
    type=Names("type", ("edge", "datacenter", "datacenter,edge")),
    default="edge",
    show_default=True,
    help="What the system is for.",
)
@output_option
@lang_option
@logging_options
def mlperf_command(
    run: str,
    folder: Path,
    submitter: str,
    system: str,
    benchmark: str,
    status: str,
    system_type: str,
    output: str | None,
    lang: str,
) -> int:
    """Write RUN, of mode `mlperf`, to DIR as MLPerf Inference takes it in the open division (v6.0, v6.1).

    What MLPerf's submission checker will find wanting is told, with exit code 11; the tree is written all the same.
    """
    from bench.interchange.benchmarks import BENCHMARKS as ASKED
    from bench.interchange.exported import Submitter, export_run
    from bench.store.places import ensure_writable, results_directory
    from bench.store.runs import RUN, RunFolder, find_record
    from bench.text import sentence

    for option, name in (("--submitter", submitter), ("--system", system)):
        if not name or not set(name) <= _allowed() or not name[0].isalnum():
            raise click.UsageError(f"`{option} {name!r}` becomes a folder: {_NAMES}, a letter or digit first.")
    kept = find_record(run, results_directory(output))
    if kept.name != RUN:
        raise click.UsageError(f"A whole run is exported; {kept} is a part of one.")
    ensure_writable(folder.absolute())
    who = Submitter(name=submitter, system=system, status=status, system_type=system_type)
    written = export_run(RunFolder(kept.parent), folder.absolute(), ASKED[benchmark], who)
    for one in written:
        click.echo(one.measurement)
        for wanting in one.wanting:
            told = sentence(lang, f"mlperf_export.{wanting.code}", seen=wanting.seen, asked=wanting.asked)
            click.echo(f"  {told} [{wanting.code}]", err=True)
    click.echo(folder / "open" / submitter)
    return exit_codes.INVALID if any(one.wanting for one in written) else exit_codes.OK


def _allowed() -> set[str]:
    import string

    return {*string.ascii_letters, *string.digits, *"._+-"}
