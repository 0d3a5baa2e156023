"""`bench fleet`: the nodes of a Ray cluster, and one plan on them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import (
    Names,
    console,
    format_option,
    ignore_interrupts,
    lang_option,
    logging_options,
    output_option,
    print_json,
)
from bench.cli.forms import Listed, listing_option, tell
from bench.records.fleet import LONGEST_WAIT_S

if TYPE_CHECKING:
    from bench.fleet.seam import Cluster
    from bench.records.fleet import Fleet, FleetPlan
    from bench.records.record import Record

_GLANCE_S = 0.2
_address_option = click.option(
    "--address",
    metavar="HOST:PORT",
    help="A cluster that is up, as `ray start --head` prints it, or `auto` [default: one of this machine alone].",
)


@click.group("fleet")
def command() -> None:
    """One plan on many machines: the nodes of a Ray cluster (extra `fleet`), each alone or all together."""


@command.command("status")
@_address_option
@click.option(
    "--backend", "backends", multiple=True, metavar="NAME", help="Ask for its devices; may be repeated [default: all]."
)
@listing_option
@lang_option
@logging_options
def status(address: str | None, backends: tuple[str, ...], form: str, lang: str) -> int:
    """Which nodes there are, what each is, and which devices its backends see.

    Exit code 11 where a node gives no answer.
    """
    import msgspec

    from bench.fleet.by_ray import connected
    from bench.fleet.head import describe
    from bench.plugins import plugin_names
    from bench.report.fleet import NODE_COLUMNS, node_rows, nodes_table

    asked = backends or tuple(name for name in plugin_names("bench.backends") if name != "fake")
    with connected(address, 120.0) as cluster:
        held = cluster.busy()
        nodes = [
            msgspec.structs.replace(node, busy=held.get(node.node_id))
            for node in describe(cluster, cluster.members(), asked)
        ]
    listed = Listed(nodes, NODE_COLUMNS, node_rows(nodes, lang))
    tell(form, listed, lang, lambda: console().print(nodes_table(nodes, lang)))
    return exit_codes.OK if all(node.facts is not None for node in nodes) else exit_codes.INVALID


@command.command("run")
@click.argument("plan", type=click.Path(dir_okay=False, path_type=Path))
@_address_option
@click.option(
    "--nodes", default="all", show_default=True, metavar="all|COUNT|NAME,NAME…", help="See `bench fleet status`."
)
@click.option(
    "--per",
    type=Names("kind of place", ("node", "device")),
    default="node",
    show_default=True,
    help="device: a run for each device of the plan's kind.",
)
@click.option(
    "--together",
    is_flag=True,
    help="All start each repetition at one moment, and are scored together; `server`: equal parts of the rate.",
)
@click.option("--scale", is_flag=True, help="--together with each node alone first, then 2, 4 …: e(n).")
@click.option("--share-host", is_flag=True, help="Runs may share a host; else they take turns.")
@click.option("--spare", is_flag=True, help="Repeat a lost node's run, whole, on another identical node.")
@click.option(
    "--wait-s",
    type=click.FloatRange(0, LONGEST_WAIT_S),
    default=3600.0,
    show_default=True,
    help="How long to wait for a host that others have.",
)
@click.option(
    "--patience-s",
    type=click.FloatRange(1, LONGEST_WAIT_S),
    default=120.0,
    show_default=True,
    help="A node that says nothing for so long is lost.",
)
@output_option
@format_option
@lang_option
@logging_options
def run(plan: Path, address: str | None, nodes: str, output: str | None, form: str, lang: str, **flags: object) -> int:
    """Measure PLAN, a file as `bench run --dry-run --format json` prints it, on the nodes of a cluster.

    Records come back as each repetition ends and are kept like those of `bench run`, a run for each node.
    """
    from bench.fleet.by_ray import connected
    from bench.store.places import results_directory

    asked = _asked(plan, nodes, flags)
    with connected(address, asked.patience_s) as cluster:
        return _watched(cluster, asked, results_directory(output), form, lang)


def _asked(file: Path, nodes: str, flags: dict[str, object]) -> FleetPlan:
    from bench.records.fleet import FleetPlan
    from bench.records.plan import RunPlan
    from bench.records.untrusted import read_json

    plan = read_json(file, RunPlan)
    names = tuple(name for name in nodes.split(",") if name)
    if not names:
        raise click.UsageError("`--nodes` names none; say `all`, how many, or which.")
    chosen: dict[str, object] = {"nodes": names}
    if nodes == "all":
        chosen = {}
    elif nodes.isdecimal():
        chosen = {"count": int(nodes)}
    together = flags.pop("together") or flags["scale"]
    try:
        return FleetPlan(plan=plan, together=together, **chosen, **flags)  # type: ignore[arg-type]  # click checked them
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None


def _watched(cluster: Cluster, asked: FleetPlan, results: Path, form: str, lang: str) -> int:
    """Run in a thread, so that Ctrl-C reaches this one: it asks all nodes to stop, and waits until they have."""
    from bench.cli.fleet_progress import FleetWatcher
    from bench.fleet.head import Refused, run_fleet

    stop, done, ended = threading.Event(), threading.Event(), _Ended()
    with FleetWatcher(lang) as watcher:

        def work() -> None:
            try:
                ended.found = run_fleet(cluster, asked, results, watcher.observe, stop)
            except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that can tell it
                ended.error = error
            finally:
                done.set()

        threading.Thread(target=work, name="fleet", daemon=True).start()
        try:
            # Not `join`: one that is interrupted takes the thread for ended (Python 3.11).
            while not done.wait(_GLANCE_S):
                pass
        except KeyboardInterrupt:
            ignore_interrupts()
            stop.set()
            done.wait()
    if isinstance(ended.error, Refused):
        return _refused(ended.error, form, lang)
    if ended.error is not None:
        raise ended.error
    assert ended.found is not None
    code = _finish(*ended.found, results, form, lang)
    if stop.is_set():
        click.echo("Interrupted. What is whole is kept.", err=True)
        return exit_codes.INTERRUPTED
    return code


class _Ended:
    found: tuple[Path, Fleet] | None = None
    error: BaseException | None = None


def _refused(error: Exception, form: str, lang: str) -> int:
    from bench.fleet.head import Refused
    from bench.report.fleet import problem_line
    from bench.text import sentence

    assert isinstance(error, Refused)
    if form == "json":
        print_json({"problems": error.problems})
    click.echo(f"Error: {sentence(lang, 'fleet.refused')}", err=True)
    for problem in error.problems:
        click.echo(f"  {problem_line(problem, lang)} [{problem.code}]", err=True)
    return exit_codes.USAGE


def _finish(file: Path, fleet: Fleet, results: Path, form: str, lang: str) -> int:
    from bench.report.fleet import fleet_lines, runs_table
    from bench.text import sentence

    records = _records(fleet, results)
    if form == "json":
        print_json(fleet)
    else:
        console().print(runs_table(fleet.runs, records, lang))
        for line in fleet_lines(fleet, lang):
            click.echo(line)
        click.echo(sentence(lang, "fleet.runs", path=results / "runs"))
        click.echo(sentence(lang, "fleet.record", path=file))
        if fleet.status != "complete":
            click.echo(sentence(lang, "fleet.partial"))
    replaced = {run.repeats for run in fleet.runs}
    counted = [record for run_id, kept in records.items() if run_id not in replaced for record in kept]
    sound = fleet.status == "complete" and all(record.valid for record in counted)
    return exit_codes.OK if sound else exit_codes.INVALID


def _records(fleet: Fleet, results: Path) -> dict[str, list[Record]]:
    from bench.store.runs import RUN, RunFolder

    folders = {run.run_id: RunFolder.of(results, run.run_id) for run in fleet.runs}
    return {run_id: folder.load_records() for run_id, folder in folders.items() if (folder.path / RUN).exists()}
