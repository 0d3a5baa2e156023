"""The flags of `bench run` for a user's own files: what they are, what is known of them, how they are prepared.

The file of `--preprocess` is read with the flag, so that the plan holds what it says and not where it lay.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from bench.records.preparation import Preparation

_Command = TypeVar("_Command", bound=Callable[..., object])


def _read(ctx: click.Context, parameter: click.Parameter, file: Path | None) -> Preparation | None:
    if file is None:
        return None
    from bench.records.preparation import Preparation
    from bench.records.untrusted import read_toml

    return read_toml(file, Preparation)


_OPTIONS = (
    click.option(
        "--task",
        metavar="NAME",
        help="What --model does: classify, command, detect, recognise or verify [default: classify]. It says what "
        "--data holds and how answers are judged.",
    ),
    click.option(
        "--data",
        metavar="PATH",
        help="Files for --model. classify, command: a folder with one subfolder per class, in sorted order; detect: "
        "COCO's annotations (JSON); recognise: a manifest (JSON lines: path, text); verify: a list of pairs (CSV: "
        "document,live).",
    ),
    click.option(
        "--agreement",
        is_flag=True,
        help="--data is a folder of files without labels: count the answers that are onnxruntime's in fp32. Goes with "
        "the suite's workloads, too.",
    ),
    click.option(
        "--preprocess",
        "preparation",
        type=click.Path(path_type=Path),
        callback=_read,
        metavar="FILE.toml",
        help="How files of --data become inputs: resize, crop, mean, std … [default: as for ImageNet]; and the shapes "
        "of --model's inputs, where its file leaves them free.",
    ),
)


def own_files_options(command: _Command) -> _Command:
    """All of them on a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
