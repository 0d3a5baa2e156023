"""Entry of the `bench` command: picks the subcommand, turns every expected failure into one line and an exit code."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any  # what click hands on: a command's arguments, and what it returns

import click

from bench import __version__
from bench.cli import exit_codes
from bench.cli.common import ignore_interrupts
from bench.cli.streams import write_what_can_be_shown

_COMMANDS = {
    "run": "Measure this host: the default plan, or what the flags ask for.",
    "list": "Names of workloads, backends, scenarios, runs; --devices probes.",
    "show": "What a kept run, record or trial says.",
    "compare": "Is run B better or worse than run A, metric by metric?",
    "ab": "Two arms by turns on this machine: other options, revision, environment or model.",
    "baseline": "Make a run the baseline of its runner; hold others against it.",
    "history": "Each figure over the kept runs, and where its level changed.",
    "import": "Results of MLPerf Inference, kept beside our own and never ranked with them.",
    "export": "Kept records in the formats of other tools.",
    "query": "Questions to all kept figures, ready ones or in SQL.",
    "report": "The report of a kept run again; of several a site that compares them.",
    "plot": "One picture of kept records or of a list, as PNG or SVG.",
    "model": "Fetch official weights by name or URL, pinned to a checksum.",
    "workload": "Write a workload of your own, and check one.",
    "backend": "Check that a backend keeps the contract.",
    "profile": "Hardware profiles: this host's, the shipped ones, how they differ.",
    "host": "This machine's state; settings that make it steadier while a command runs.",
    "soak": "Steady load for minutes: drift, memory, throttling, errors.",
    "scale": "Throughput with more workers, cores or devices.",
    "fleet": "One plan on the nodes of a Ray cluster, alone or together.",
    "serve-sut": "Serve a workload for a tester elsewhere (backend `endpoint`).",
    "opencl": "Trace and tune a network on an OpenCL device; build its programs.",
    "pack": "One archive of a run, for whoever is to verify it.",
    "verify": "Recompute what an archive says from its raw data, and check who signed it.",
    "policy": "Rules of a procurement round: templates by sector, and a check.",
    "test-report": "The formal report of a test, to be printed and signed (HTML, PDF).",
    "procure": "A procurement list: who is eligible, who is better, is it real.",
    "key": "Keys that sign archives, and whose are trusted.",
    "registry": "Tokens, accepted submissions, their status, and appeals.",
    "doctor": "What would make a run here invalid or noisy, and what to do.",
    "cache": "What the cache holds; empty it.",
    "prune": "Remove old runs.",
}


class ReaderGone(Exception):
    """Whoever read our output went away, as in `bench list | head -1`; nothing is wrong."""


@contextlib.contextmanager
def _past_click() -> Iterator[None]:
    """click would print an empty line for Ctrl-C, and leave with code 1, a crash's, when the reader goes away."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.Abort from None
    except BrokenPipeError:
        raise ReaderGone from None


class LazyGroup(click.Group):
    """Loads a command's module only when it is asked for, so that help answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"bench.cli.{cmd_name.replace('-', '_')}_command").command
        return command

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with _past_click():
            return super().make_context(*arguments, **more)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            # click before 8.2 would print the help and leave with 0, as if something had been done.
            raise click.UsageError(ctx.get_help(), ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with _past_click():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from bench.plugins import suggestion

            raise click.UsageError(f"There is no command {args[0]!r}.{suggestion(args[0], list(_COMMANDS))}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bench")
def cli() -> None:
    """Inference benchmark: one workload suite on CPU servers, GPUs and accelerator cards.

    `bench run` measures this machine. Results are kept under ./results (or --output, or BENCH_RESULTS).

    Exit codes: 0 ok, 2 usage, 10 regression, 11 invalid run or failed verification, 12 inconclusive, 13 interrupted.
    """


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; never lets an expected failure end in a traceback."""
    _be_interruptible()
    write_what_can_be_shown()
    try:
        code = cli.main(args=arguments, prog_name="bench", standalone_mode=False)
        return int(code or exit_codes.OK)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        _say(_told(error))
        return exit_codes.USAGE
    except (click.Abort, KeyboardInterrupt):
        ignore_interrupts()
        _say("Interrupted.")
        return exit_codes.INTERRUPTED
    except ReaderGone:
        # Python must not flush into the closed pipe at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.OK
    except ValueError as error:
        if not _is_expected(error):
            raise
        _say(f"Error: {error}")
        return exit_codes.USAGE
    except OSError as error:
        return _system_failure(error)


def _is_expected(error: ValueError) -> bool:
    """Whether an error was raised with a line for people; any other ValueError is a crash and shows its traceback."""
    from bench.agreement import NoReference
    from bench.authoring.cost import NoCost
    from bench.authoring.subject import BadWorkload
    from bench.comparing.arms import BadSpec
    from bench.comparing.baselines import BadBaseline
    from bench.comparing.likeness import NotAlike
    from bench.download.wanted import BadDownload
    from bench.fleet.seam import FleetError
    from bench.hardware.profiles import BadProfile
    from bench.host.leftover import CannotTune
    from bench.interchange.exported import NotExported
    from bench.interchange.rounds import TooMany
    from bench.models.user_model import BadModel
    from bench.pages.printing import NoPdf
    from bench.pages.site import CannotMake
    from bench.peaks.keeping import NoPlace
    from bench.peaks.process import PeaksFailed
    from bench.planning import BadPlan
    from bench.plots.asked import CannotDraw
    from bench.plugins import PluginError
    from bench.power.choice import BadPower
    from bench.procurement.policies import NoPolicy
    from bench.records.untrusted import BadFile
    from bench.registry.git import BadRegistry
    from bench.repetition import BadRequest
    from bench.serving.serving import CannotServe
    from bench.store.runs import InUse, NoSuchRecord
    from bench.submission.archive import BadArchive
    from bench.submission.keys import BadKey
    from bench.submission.packing import NotPacked

    asked = (BadDownload, BadModel, BadPlan, BadPower, BadProfile, BadRequest, BadWorkload, CannotTune, NoCost, NoPlace)
    found = (BadFile, CannotServe, FleetError, InUse, NoPolicy, NoReference, NoSuchRecord, PeaksFailed, PluginError)
    shown = (CannotDraw, NoPdf)
    handed_in = (BadArchive, BadKey, BadRegistry, NotExported, NotPacked, TooMany)
    compared = (BadBaseline, BadSpec, CannotMake, NotAlike)
    return isinstance(error, (*asked, *found, *shown, *handed_in, *compared))


def _system_failure(error: OSError) -> int:
    from bench.store.places import CannotWrite

    if isinstance(error, CannotWrite):
        _say(f"Error: {error}")
        return exit_codes.USAGE
    if not _has_current_folder():
        _say("Error: the current folder is gone; change to one that exists.")
        return exit_codes.USAGE
    place = f"{error.filename}: " if error.filename else ""
    _say(f"Error: {place}{error.strerror or error}. What was kept before is whole.")
    return exit_codes.INVALID


def _has_current_folder() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _told(error: click.ClickException) -> str:
    """click's message as one line, or the help that it gives where a subcommand is missing."""
    message = error.format_message().strip()
    if message.startswith("Usage:"):
        return message
    message += "" if message.endswith((".", "?", "!", ")")) else "."
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"Error: {message}" + (f" See `{context.command_path} --help`." if context is not None else "")


def _say(message: str) -> None:
    with contextlib.suppress(OSError):  # stderr may be closed or full; the exit code still speaks
        click.echo(message, err=True)


def _be_interruptible() -> None:
    """Have the signals that end a program raise KeyboardInterrupt, so that children go and what is kept stays whole."""
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # under nohup a run outlives its terminal
        signal.signal(signal.SIGHUP, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
