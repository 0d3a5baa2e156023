"""An arm of an A/B measurement: what its SPEC says, and one repetition of it in fresh processes."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

import msgspec

from bench.comparing.kept import Kept, kept_records
from bench.plugins import suggestion
from bench.records.findings import is_valid
from bench.records.pairs import ArmFacts, Caches
from bench.records.plan import USER_WORKLOAD, RunPlan
from bench.records.record import Trial
from bench.records.versions import load
from bench.store.files import write_record
from bench.store.runs import RUN, TRIAL, runs_in

_BESIDE_PLAN: Final = ("venv", "rev")
_SETTING: Final = "setting."
# What may differ between two arms; the rest is asked of both.
_FIELDS: Final = (
    *("backend", "device", "precision", "batch", "workers", "processes", "threads", "max_wait_us", "profile"),
    *("model", "data", "task", "driver"),
)
KEYS: Final = (*_BESIDE_PLAN, *_FIELDS, f"{_SETTING}NAME")
# The first repetition always starts; with this budget no second one does, in whichever version of `bench`.
_ONE_REPETITION_S: Final = 1e-6


class BadSpec(ValueError):
    """A SPEC that cannot be an arm; one line that says what was asked and what there is."""


class TurnFailed(Exception):
    """A repetition of an arm that gave no sound figure, in one line."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """A SPEC taken apart: the virtual environment, the git revision, and fields of the plan with the settings."""

    text: str
    venv: Path | None = None
    revision: str | None = None
    fields: dict[str, str] = {}
    settings: dict[str, str] = {}

    def plan(self, base: RunPlan) -> RunPlan:
        """`base` with what this arm has of its own. Raises BadSpec."""
        plain = msgspec.to_builtins(base) | self.fields
        plain["settings"] = {**base.settings, **self.settings}
        if "model" in self.fields:
            plain["workloads"] = (USER_WORKLOAD,)
        try:
            return msgspec.convert(plain, RunPlan, strict=False)
        except (msgspec.ValidationError, ValueError) as error:
            raise BadSpec(f"SPEC {self.text!r}: {error}") from None


def parsed(text: str) -> Spec:
    """`KEY=VALUE KEY=VALUE …`, quoted as in a shell; empty: what the other flags say. Raises BadSpec."""
    given: dict[str, str] = {}
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadSpec(f"SPEC {text!r}: {error}") from None
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not value:
            raise BadSpec(f"SPEC {text!r}: {word!r} is not KEY=VALUE")
        if key not in KEYS and not (key.startswith(_SETTING) and len(key) > len(_SETTING)):
            raise BadSpec(
                f"SPEC {text!r}: there is no key {key!r}.{suggestion(key, list(KEYS))} Keys: {', '.join(KEYS)}"
            )
        if key in given:
            raise BadSpec(f"SPEC {text!r}: {key!r} stands twice")
        given[key] = value
    return Spec(
        text=text,
        venv=Path(given["venv"]).absolute() if "venv" in given else None,
        revision=given.get("rev"),
        fields={key: value for key, value in given.items() if key in _FIELDS},
        settings={key.removeprefix(_SETTING): value for key, value in given.items() if key.startswith(_SETTING)},
    )


class Arm:
    """One of the two, ready to run; all it writes lies under `place`."""

    def __init__(self, spec: Spec, place: Path, caches: Caches) -> None:
        """Raises BadSpec for an environment, or a revision, that has no `bench`."""
        self._place, self._caches, self._environment = place, caches, dict(os.environ)
        self._python = str(spec.venv / "bin" / "python") if spec.venv is not None else sys.executable
        place.mkdir(parents=True)
        commit = None
        if spec.venv is not None:
            self._environment.pop("PYTHONPATH", None)  # that of this `bench` must not stand before its own
        if spec.revision is not None:
            commit = _unpacked(spec.revision, place / "source")
            self._environment["PYTHONPATH"] = str(place / "source")
        self._environment["BENCH_CACHE"] = str(place / "cache")
        self._environment.pop("PYTHONHOME", None)
        package = self._package(spec)
        self.facts = ArmFacts(spec=spec.text, python=self._python, package=package, commit=commit, caches=caches)

    def turn(self, plan: RunPlan) -> Kept:
        """One repetition of the only measurement of `plan`. Raises TurnFailed."""
        if self._caches == "cold":
            shutil.rmtree(self._place / "cache", ignore_errors=True)
        (self._place / "cache").mkdir(exist_ok=True)
        asked = self._place / "plan.json"
        write_record(asked, msgspec.structs.replace(plan, budget_s=_ONE_REPETITION_S))
        results = self._place / "results"
        before = {folder.path for folder in runs_in(results)}
        code, said = self._run("run", "--plan", str(asked), "--output", str(results), "--format", "json")
        made = [folder.path for folder in runs_in(results) if folder.path not in before]
        if len(made) != 1:
            raise TurnFailed(f"`bench run` left no run (exit code {code}): {said}")
        (kept,) = kept_records(made[0] / RUN, made[0].name).values()
        _check_trial(made[0] / kept.name / "trial-00" / TRIAL)
        return kept

    def _package(self, spec: Spec) -> str:
        """Where the arm's `bench` lies."""
        code, said = _output(
            [self._python, "-P", "-c", "import bench, pathlib; print(pathlib.Path(bench.__file__).parent)"],
            self._environment,
        )
        if code:
            raise BadSpec(f"SPEC {spec.text!r}: {self._python} has no `bench` to run: {said}")
        return said

    def _run(self, *arguments: str) -> tuple[int, str]:
        return _output([self._python, "-P", "-m", "bench.cli.main", *arguments], self._environment)


def both_arms(specs: tuple[Spec, Spec], folder: Path, caches: Caches) -> tuple[Arm, Arm]:
    """Both arms under `folder`, which is gone again where one of them cannot be. Raises BadSpec."""
    try:
        return Arm(specs[0], folder / "a", caches), Arm(specs[1], folder / "b", caches)
    except BadSpec:
        shutil.rmtree(folder)
        raise


def _check_trial(file: Path) -> None:
    trial = load(file, Trial)
    if trial.status != "complete":
        raise TurnFailed(trial.failure or "the repetition failed")
    if not is_valid(trial.findings):
        raise TurnFailed(", ".join(found.code for found in trial.findings if found.severity == "error"))


def _unpacked(revision: str, folder: Path) -> str:
    """The files of a revision of the repository around the current folder; returns its commit. Raises BadSpec."""
    # Not an option of git's, whatever it is called; ^{commit}: a tag is followed.
    code, commit = _output(["git", "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}"], None)
    if code:
        raise BadSpec(f"SPEC: there is no revision {revision!r} in the git repository of the current folder")
    _, top = _output(["git", "rev-parse", "--show-toplevel"], None)
    folder.mkdir()
    with subprocess.Popen(["git", "-C", top, "archive", "--format=tar", commit], stdout=subprocess.PIPE) as packing:
        assert packing.stdout is not None
        with tarfile.open(fileobj=packing.stdout, mode="r|") as archive:
            archive.extractall(folder, filter="data")
    return commit


def _output(command: list[str], environment: dict[str, str] | None) -> tuple[int, str]:
    """Exit code and what was printed: its first line on success, else the last one of errors. The process is gone."""
    try:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError as error:
        return 127, f"{command[0]}: {error.strerror}"
    try:
        out, errors = process.communicate()
    except BaseException:
        # Its children die with it; it must not be left measuring.
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
        process.kill()
        raise
    lines = (out if process.returncode == 0 else errors or out).decode(errors="replace").strip().splitlines() or [""]
    return process.returncode, lines[0] if process.returncode == 0 else lines[-1]
