"""What is declared of runs: the file of particulars, read for lists and reports alike, and a template of it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from bench.plugins import suggestion
from bench.records.particulars import LISTED, Instrument, Particulars
from bench.records.untrusted import BadFile, read_toml
from bench.text import sentence


def read_particulars(file: Path | None, runs: Collection[str]) -> dict[str, Particulars]:
    """What is declared, by run id; nothing without a file. Raises BadFile, also for a run that nobody handed in."""
    if file is None:
        return {}
    declared = read_toml(file, dict[str, Particulars])
    for run_id in declared:
        if run_id not in runs:
            raise BadFile(f"{file}: no submission is of run {run_id!r}.{suggestion(run_id, sorted(runs))}")
    return declared


def listed(declared: dict[str, Particulars]) -> dict[str, dict[str, str]]:
    """The part of it that stands in a list, without what is empty."""
    return {
        run_id: {name: text for name in LISTED if (text := particulars.text(name))}
        for run_id, particulars in declared.items()
    }


def template(run_id: str, lang: str) -> str:
    """A file to fill in for one run: every field, empty, with what it is for in `lang`."""
    names = [name for name in Particulars.__struct_fields__ if name != "instruments"]
    lines = [
        f"# {sentence(lang, 'test_report.template')}",
        f"[{_quoted(run_id)}]",
        *(f'{name} = ""  # {sentence(lang, f"particular.{name}")}' for name in names),
        "",
        f"# {sentence(lang, 'particular.instruments')}",
        f"# [[{_quoted(run_id)}.instruments]]",
        *(f'# {name} = ""  # {sentence(lang, f"instrument.{name}")}' for name in Instrument.__struct_fields__),
    ]
    return "\n".join(lines) + "\n"


def _quoted(key: str) -> str:
    return msgspec.json.encode(key).decode()
