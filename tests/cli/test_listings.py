"""Every command that lists something: four forms, tables that fit, names that do no harm."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import io
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import pytest
from rich.cells import cell_len

from bench.cli.forms import FORMS
from bench.cli.main import cli
from bench.hardware.profiles import load_profile
from bench.hardware.toml import as_toml
from bench.host.probe import Probe
from bench.records.host import Device
from bench.registry.ledger import Ledger
from bench.submission.keys import new_key
from bench.submission.trusted import TrustedKey, write_trusted

from ..procurement.made import DAY, candidate, drawn, folder_of, policy, toml_of
from .things import BENCH, Command, Outcome, surroundings

# A form of their own: what they print is one document, or nothing but where something lies.
ACTING = {
    "ab", "baseline check", "baseline margins", "baseline update", "cache clean", "export mlperf",
    "export pytest-benchmark", "export xlsx", "fleet run", "host restore", "host tune", "import mlperf", "plot",
    "test-report", "workload cost", "key new", "key revoke", "key sign", "key trust", "model fetch", "opencl build",
    "opencl trace", "opencl tune", "pack", "policy new", "profile detect", "profile peaks", "prune", "registry add",
    "registry appeal decide", "registry appeal open", "registry appeal witness", "registry audit", "registry init",
    "registry journal", "registry status", "registry token", "report", "run", "scale", "serve-sut", "soak",
    "workload new", "workload refresh",
}  # fmt: skip
LISTING = {
    "backend check", "cache info", "compare", "doctor", "fleet status", "history", "host show", "key list", "list",
    "model list", "policy check", "procure", "profile check", "profile diff", "profile list", "profile show", "query",
    "registry list", "registry show", "show", "verify", "workload check",
}  # fmt: skip
HOSTILE = "<script>alert(1)</script>\u202e\u200b\x1b[2J | \u2028`x` 名称很长的系统" + "长" * 60
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"-[0-9.]+(e[-+]?[0-9]+)?")
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(group, click.Group):
        yield " ".join(path), group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield from commands(found, (*path, name))


def forms_of(command: click.Command) -> set[str]:
    options = [one for one in command.params if one.name == "form"]
    return {choice for one in options if isinstance(one.type, click.Choice) for choice in one.type.choices}


def test_every_command_is_one_or_the_other() -> None:
    """A new command is added to one of the two: whoever adds it says whether it lists."""
    assert {name for name, _ in commands(cli)} == LISTING | ACTING
    assert set() == LISTING & ACTING


def test_every_listing_has_all_forms() -> None:
    assert {
        name: set(FORMS) - forms_of(one)
        for name, one in commands(cli)
        if name in LISTING and set(FORMS) - forms_of(one)
    } == {}


class Place(NamedTuple):
    """A folder with something of everything that can be listed, names of strangers in it."""

    folder: Path
    runs: tuple[str, str]
    token: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("listings")
    for number, speed in ((1, 1.0), (2, 1.5)):
        one = candidate(number, drawn(number, speed))
        named = msgspec.structs.replace(one.run, plan=msgspec.structs.replace(one.run.plan, backend=HOSTILE))
        folder_of(dataclasses.replace(one, run=named), folder / "results" / "runs")
    profile = msgspec.structs.replace(load_profile("nvidia-h200"), model=HOSTILE, name="odd")
    (folder / "odd.toml").write_text(as_toml(profile), encoding="utf-8")
    made = policy()
    wrong = msgspec.structs.replace(made, terms=(msgspec.structs.replace(made.terms[0], metric=HOSTILE[:40]),))
    (folder / "wrong.toml").write_text(toml_of(wrong), encoding="utf-8")
    (folder / "policy.toml").write_text(toml_of(made), encoding="utf-8")
    public = new_key(folder / "me.pem", b"a long passphrase")
    key = TrustedKey(name=HOSTILE, public_key=public.strip(), roles=("submitter",), valid_from=DAY, valid_until=DAY)
    (folder / "trusted").mkdir()
    write_trusted(folder / "trusted" / "me.toml", key)
    ledger = Ledger(folder / "reg")
    ledger.open(HOSTILE)
    token = ledger.issue(HOSTILE, DAY + datetime.timedelta(days=400), None)
    first, second = sorted(entry.name for entry in (folder / "results" / "runs").iterdir())
    return Place(folder, (first, second), token.token)


SQL = f"SELECT '{HOSTILE}' AS name, -1.5 AS number, '=cmd()' AS formula, NULL AS nothing, DATE '2026-11-25' AS day"
LISTINGS: dict[str, tuple[str, ...]] = {
    "cache info": ("cache", "info"),
    "compare": ("compare", "{first}", "{second}"),
    "doctor": ("doctor",),
    "history": ("history",),
    "host show": ("host", "show"),
    "key list": ("key", "list", "trusted"),
    "list": ("list",),
    "list run": ("list", "run"),
    "list --devices": ("list", "--devices"),
    "model list": ("model", "list"),
    "policy check": ("policy", "check", "wrong.toml"),
    "procure": ("procure", "policy.toml", "results/runs/{first}", "results/runs/{second}", "--as-of", "2026-11-25"),
    "profile check": ("profile", "check", "odd.toml"),
    "profile diff": ("profile", "diff", "odd.toml", "nvidia-h200"),
    "profile list": ("profile", "list"),
    "profile show": ("profile", "show", "odd.toml"),
    "query": ("query", "--sql", SQL),
    "query best": ("query", "best"),
    "query columns": ("query",),
    "registry list": ("registry", "list", "reg"),
    "registry show": ("registry", "show", "reg", "{token}"),
    "show": ("show", "{first}"),
    "show record": ("show", "{first}/image_classify.offline.fp32"),
}
PROBES = [
    Probe(
        backend="odd",
        devices=(Device(kind="npu", title=HOSTILE, precisions=("fp32", HOSTILE)),),
        unusable={"gpu": HOSTILE},
    ),
    Probe(backend="none", why=HOSTILE),
]
# These check something, and say by their exit code what came of it.
CODES = {"compare": 12, "policy check": 2, "profile check": 11}


@pytest.fixture
def listed(bench: Command, place: Place, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The listing of a name, in a form."""
    monkeypatch.chdir(place.folder)
    monkeypatch.setattr("bench.host.doctor._WATCH_S", 0.05)
    monkeypatch.setattr("bench.host.doctor._WAITS", 5)
    monkeypatch.setattr("bench.host.probe.probe_backends", lambda names: PROBES)
    words = {"first": place.runs[0], "second": place.runs[1], "token": place.token}

    def command(name: str, *more: str) -> Outcome:
        outcome = bench(*(part.format(**words) if part != SQL else part for part in LISTINGS[name]), *more)
        assert "Traceback" not in outcome.out + outcome.err, outcome
        return outcome

    return command


def test_every_listing_is_tried() -> None:
    # test_submission, test_workload, tests/fleet and below
    elsewhere = {"backend check", "fleet status", "verify", "workload check"}
    tried = {name for name, _ in commands(cli) for words in LISTINGS.values() if " ".join(words).startswith(name)}
    assert tried == LISTING - elsewhere


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", LISTINGS)
def test_tables_fit_80_columns_and_obey_no_name(
    listed: Command, monkeypatch: pytest.MonkeyPatch, name: str, lang: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    outcome = listed(name, *(() if name == "query" or name.startswith("query") else ("--lang", lang)))
    assert outcome.code in (0, CODES.get(name, 0), 11 if name == "doctor" else 0), outcome
    assert outcome.out.strip()
    assert not UNSEEN.findall(outcome.out + outcome.err)
    assert max(map(cell_len, outcome.out.splitlines())) <= 80, outcome.out


@pytest.mark.parametrize("name", LISTINGS)
def test_json_csv_and_markdown_stand_alone(listed: Command, name: str) -> None:
    json.loads(listed(name, "--format", "json").out)
    table = listed(name, "--format", "csv")
    heading, *rows = csv.reader(io.StringIO(table.out))
    assert heading
    assert {len(row) for row in rows} <= {len(heading)}
    assert not [cell for row in rows for cell in row if cell.startswith(FORMULA) and not NUMBER.fullmatch(cell)]
    text = listed(name, "--format", "md")
    lines = [re.sub(r"\\[|\\]", "", line) for line in text.out.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1, text.out
    assert "<script>" not in text.out
    for outcome in (table, text):
        assert outcome.err == ""
        assert not UNSEEN.findall(outcome.out), "controls and marks of direction"


@pytest.mark.parametrize(
    "name", [name for name in LISTINGS if name not in ("procure", "doctor") and "query" not in name]
)
def test_csv_and_json_do_not_depend_on_the_language(listed: Command, name: str) -> None:
    """`bench procure` and `doctor` have always spoken the reader's language."""
    for form in ("csv", "json"):
        if name == "model list" and form == "csv":
            continue  # the titles of models are texts
        one, other = (listed(name, "--format", form, "--lang", lang).out for lang in ("en", "zh"))
        assert _steady(one) == _steady(other)


def _steady(text: str) -> str:
    """Without what changes while one looks: load, temperatures, free memory."""
    return re.sub(r"[0-9.]+", "", text)


def test_a_query_keeps_types_and_digits(listed: Command) -> None:
    (row,) = csv.DictReader(io.StringIO(listed("query", "--format", "csv").out))
    assert (row["number"], row["formula"], row["nothing"], row["day"]) == ("-1.5", "'=cmd()", "", "2026-11-25")
    (found,) = json.loads(listed("query", "--format", "json").out)
    assert found["name"] == HOSTILE, "JSON has the name whole; marks of direction are escaped"
    best = json.loads(listed("query best", "--format", "json").out)
    rows = list(csv.DictReader(io.StringIO(listed("query best", "--format", "csv").out)))
    assert [float(row["value"]) for row in rows] == [entry["value"] for entry in best]


def test_no_colours_where_a_program_reads(listed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" in listed("show").out, "asked for"
    assert not ["\x1b" for form in ("json", "csv", "md") if "\x1b" in listed("show", "--format", form).out]
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", listed("show").out)


def test_figures_in_csv_are_those_of_the_record(listed: Command) -> None:
    record = json.loads(listed("show record", "--format", "json").out)
    rows = list(csv.DictReader(io.StringIO(listed("show record", "--format", "csv").out)))
    assert {row["metric"]: float(row["value"]) for row in rows} == {
        metric: figure["value"] for metric, figure in record["metrics"].items()
    }
    assert {row["primary"] for row in rows if row["metric"] == record["primary"]} <= {"true"}


@pytest.mark.parametrize(("encoding", "lang"), [("ascii", "en"), ("latin-1", "zh"), ("gbk", "en"), ("cp1252", "en")])
def test_no_terminal_is_too_poor(place: Place, encoding: str, lang: str) -> None:
    """Whatever its encoding, there is no traceback, and what programs read is UTF-8."""
    poor = {"PYTHONIOENCODING": encoding, "LANG": "C", "LC_ALL": "C", "COLUMNS": "80"}
    for arguments, code in ((("show", place.runs[0]), 0), (("profile", "show", "odd.toml"), 0), (("show", "→µ长"), 2)):
        outcome = in_bytes(place.folder, *arguments, "--lang", lang, **poor)
        assert b"Traceback" not in outcome.stdout + outcome.stderr
        assert outcome.returncode == code
    told = in_bytes(place.folder, "profile", "show", "odd.toml", "--format", "json", **poor)
    assert json.loads(told.stdout)["model"] == HOSTILE


def in_bytes(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(BENCH), *arguments], cwd=folder, env=surroundings(folder, **more), capture_output=True, check=False
    )


@pytest.mark.parametrize(
    ("settings", "lang"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "zh_TW.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "C", "LC_ALL": "zh"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "BENCH_LANG": "en"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "BENCH_LANG": ""}, "zh"),
    ],
)
def test_the_language_is_the_locales(
    listed: Command, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], lang: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "BENCH_LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert ("离线" in listed("show").out) is (lang == "zh")
    assert "离线" in listed("show", "--lang", "zh").out, "a flag counts before everything else"


def test_an_unknown_language_is_told(listed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_LANG", "fr")
    assert listed("show").code == 2


def test_checks_of_a_backend_as_rows(bench: Command) -> None:
    outcome = bench("backend", "check", "nosuch", "--format", "csv")
    assert (outcome.code, outcome.out) == (2, "")
