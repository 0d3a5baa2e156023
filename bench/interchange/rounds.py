"""Where results lie in the tree of an MLPerf Inference round, v4.1 to v6.1, or in any part of it.

`<division>/<submitter>/results/<system>/<benchmark>/<scenario>/` has the logs. Descriptions of the weights lie beside
them since v6.0, and in `<division>/<submitter>/measurements/` before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.loadgen.mlperf.logs import DETAIL, SUMMARY
from bench.records.plan import Scenario

# A round has about 60 000 files.
MOST_FOLDERS = 200_000
_SCENARIOS: dict[str, Scenario] = {
    "singlestream": "single_stream",
    "multistream": "multi_stream",
    "server": "server",
    "offline": "offline",
}


class TooMany(ValueError):
    """A folder that holds more than any round; one line."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The folder of one result, and what its way says: who, on what, which benchmark, which scenario."""

    folder: Path
    division: str
    submitter: str
    system: str
    benchmark: str
    scenario_name: str

    @property
    def scenario(self) -> Scenario | None:
        """Ours; None where we have none such."""
        return _SCENARIOS.get(self.scenario_name.lower())

    @property
    def name(self) -> str:
        """For messages: from the submitter on."""
        return "/".join((self.submitter, self.system, self.benchmark, self.scenario_name))

    @property
    def submission(self) -> Path:
        """The submitter's folder."""
        return self.folder.parents[3]

    @property
    def run(self) -> Path:
        """Where the logs of the performance test lie."""
        return self.folder / "performance" / "run_1"

    @property
    def detail(self) -> Path:
        return self.run / DETAIL

    @property
    def summary(self) -> Path:
        return self.run / SUMMARY

    @property
    def accuracy(self) -> Path:
        return self.folder / "accuracy" / "accuracy.txt"

    @property
    def system_file(self) -> Path:
        return self.submission / "systems" / f"{self.system}.json"

    def weights_file(self) -> Path | None:
        """The description of the weights; None where there is none. Several before v6.0: this scenario's first."""
        beside = self.folder / "measurements.json"
        if beside.is_file():
            return beside
        older = self.submission / "measurements" / self.system / self.benchmark / self.scenario_name
        found = sorted(older.glob("*.json")) if older.is_dir() else []
        own = [file for file in found if file.name.startswith(self.system)]
        exact = [file for file in own if file.stem.lower().endswith(f"_{self.scenario_name.lower()}")]
        return next(iter(exact or own), None)


def places(top: Path) -> Iterator[Place]:
    """Every folder of a result in `top`, which may be a round, a part of one, or a single result. In order of name.

    Links are not followed. Raises TooMany.
    """
    top = top.absolute()
    if (place := _place(top)) is not None:
        yield place
        return
    for seen, (folder, names, _) in enumerate(os.walk(top)):
        if seen >= MOST_FOLDERS:
            raise TooMany(f"{top}: more than {MOST_FOLDERS} folders; name the part of a round that is meant")
        names.sort()
        if (place := _place(Path(folder))) is not None:
            names.clear()
            yield place


def _place(folder: Path) -> Place | None:
    parts = folder.parts
    if len(parts) < 7 or parts[-4] != "results":
        return None
    division, submitter, _, system, benchmark, scenario = parts[-6:]
    return Place(
        folder=folder,
        division=division,
        submitter=submitter,
        system=system,
        benchmark=benchmark,
        scenario_name=scenario,
    )
