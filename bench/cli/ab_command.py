"""`bench ab --a SPEC --b SPEC`: two arms by turns on this machine, until it is clear which one is faster."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from bench.cli.common import Names, lang_option, logging_options, output_option, settings_option
from bench.cli.comparison_output import comparison_options, tell
from bench.records.plan import DEFAULT_WORKLOADS, USER_WORKLOAD, RunPlan

if TYPE_CHECKING:
    from bench.comparing.arms import Spec
    from bench.comparing.pairs import Announce
    from bench.records.pairs import Caches, Pairs, Side
    from bench.records.plan import Mode, Scenario, Setting


@click.command("ab")
@click.option("--a", "first", required=True, metavar="SPEC", help="What was: KEY=VALUE …; empty: as the other flags.")
@click.option("--b", "second", required=True, metavar="SPEC", help="What is.")
@click.option("--workload", "workloads", multiple=True, metavar="NAME", help="Workload; may be repeated.")
@click.option("--scenario", "scenarios", multiple=True, default=("offline",), show_default=True, metavar="NAME")
@click.option("--backend", default="onnxruntime", show_default=True, metavar="NAME")
@click.option("--device", default="cpu", show_default=True, metavar="KIND[:INDEX]")
@click.option("--mode", type=Names("mode", ("quick", "standard")), default="quick", show_default=True,
              help="How long a repetition lasts: 2 s or 10 s at least.")  # fmt: skip
@click.option("--caches", type=Names("caches", ("warm", "cold")), default="warm", show_default=True,
              help="cold: each repetition compiles anew, in both arms.")  # fmt: skip
@click.option("--budget-s", type=click.FloatRange(0, min_open=True), help="Start no pair after this many seconds.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of the order of pairs.")
@settings_option
@comparison_options
@output_option
@lang_option
@logging_options
def command(first: str, second: str, form: str, lang: str, output: str | None, **flags: object) -> int:
    """Measure arm B against arm A: pairs of repetitions in fresh processes, in random order, at looks of 5, 10, 20.

    A SPEC is KEY=VALUE words: `venv=DIR` another environment, `rev=COMMIT` another git revision of the current
    folder's repository (with the packages of the environment), `model=FILE.onnx`, `setting.NAME=VALUE`, or an option
    such as `backend`, `precision`, `batch`, `threads`. Exit codes as `bench compare`.
    """
    from bench.comparing.arms import both_arms, parsed
    from bench.comparing.margins import read_margins
    from bench.comparing.pairs import Asked, measure_pairs
    from bench.store.files import write_record
    from bench.store.places import ensure_writable, results_directory
    from bench.store.runs import new_run_id

    specs = parsed(first), parsed(second)
    margins = read_margins(cast("Path | None", flags["margins_file"]))
    asked = Asked(
        plans=_plans(flags, specs),
        margins=margins,
        budget_s=cast("float | None", flags["budget_s"]),
        seed=cast(int, flags["seed"]),
    )
    folder = results_directory(output) / "ab" / new_run_id(datetime.datetime.now(datetime.UTC))
    ensure_writable(folder)
    caches = cast("Caches", flags["caches"])
    pairs = measure_pairs(asked, both_arms(specs, folder, caches), _announcer(len(asked.plans), lang))
    write_record(folder / "pairs.json", pairs)
    code = tell(pairs.comparison, form, lang, cast(bool, flags["strict"]), cast("Path | None", flags["junit_file"]))
    _say_how_it_ended(pairs, folder, lang)
    return code


def _plans(flags: dict[str, object], specs: tuple[Spec, Spec]) -> tuple[tuple[RunPlan, RunPlan], ...]:
    """The plans of both arms for each measurement; those that this `bench` runs are checked before anything runs."""
    from bench.runner import prepare

    workloads = cast("tuple[str, ...]", flags["workloads"])
    if not workloads:
        workloads = (USER_WORKLOAD,) if all("model" in spec.fields for spec in specs) else DEFAULT_WORKLOADS
    found = []
    for workload in workloads:
        for scenario in cast("tuple[Scenario, ...]", flags["scenarios"]):
            base = RunPlan(
                workloads=(workload,) if workload != USER_WORKLOAD else DEFAULT_WORKLOADS[:1],
                scenarios=(_known(scenario),),
                backend=cast(str, flags["backend"]),
                device=cast(str, flags["device"]),
                mode=cast("Mode", flags["mode"]),
                settings=cast("dict[str, Setting]", flags["settings"]),
            )
            plans = specs[0].plan(base), specs[1].plan(base)
            for spec, plan in zip(specs, plans, strict=True):
                if spec.venv is None and spec.revision is None:
                    prepare(plan)
            found.append(plans)
    return tuple(found)


def _known(scenario: Scenario) -> Scenario:
    from bench.plugins import suggestion
    from bench.records.plan import SCENARIOS

    if scenario not in SCENARIOS or scenario in ("trace", "concurrent"):
        raise click.UsageError(f"`bench ab` has no scenario {scenario!r}.{suggestion(scenario, list(SCENARIOS))}")
    return scenario


def _announcer(total: int, lang: str) -> Announce:
    from bench.scoring.intervals import LOOKS
    from bench.text import sentence

    def announce(place: int, measurement: str, pair: int, side: Side) -> None:
        key = "pairs.turn" if pair else "pairs.discarded"
        values = {"position": place + 1, "total": total, "measurement": measurement, "side": side.upper()}
        click.echo(sentence(lang, key, pair=pair, most=LOOKS[-1], **values), err=True)

    return announce


def _say_how_it_ended(pairs: Pairs, folder: Path, lang: str) -> None:
    """To stderr, so that what a program reads from stdout stays whole."""
    from bench.text import printable, sentence

    for turn in pairs.turns:
        if turn.failure is not None:
            values = {"measurement": turn.measurement, "side": turn.side.upper(), "pair": turn.pair}
            click.echo(sentence(lang, "pairs.failed", failure=printable(turn.failure), **values), err=True)
    taken = max((turn.pair for turn in pairs.turns), default=0)
    end = sentence(lang, f"pairs_end.{pairs.end}")
    click.echo(sentence(lang, "pairs.end", pairs=taken, end=end), err=True)
    click.echo(sentence(lang, "pairs.kept", path=folder / "pairs.json"), err=True)
