"""`--preprocess`: the file is read with the flag, so that the plan holds what it says and not where it lay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bench.records.preparation import Preparation


def _read(ctx: click.Context, parameter: click.Parameter, file: Path | None) -> Preparation | None:
    if file is None:
        return None
    from bench.records.preparation import Preparation
    from bench.records.untrusted import read_toml

    return read_toml(file, Preparation)


preprocess_option = click.option(
    "--preprocess",
    "preparation",
    type=click.Path(path_type=Path),
    callback=_read,
    metavar="FILE.toml",
    help="How files of --data become inputs: resize, crop, mean, std … [default: as for ImageNet].",
)
