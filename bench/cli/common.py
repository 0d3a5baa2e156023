"""Flags that stand on every command with the same meaning, and what they set up."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

P = ParamSpec("P")
R = TypeVar("R")

lang_option = click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", envvar="BENCH_LANG", help="Language of tables and reports."
)
format_option = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", help="For people or for programs."
)
output_option = click.option(
    "-o", "--output", metavar="DIR", help="Results directory [default: BENCH_RESULTS, else ./results]."
)


def logging_options(function: Callable[P, R]) -> Callable[P, R]:
    """Add `-v` and `--log-file`; the wrapped command runs with logging set up."""

    @click.option("-v", "--verbose", count=True, help="Say more on stderr; twice for everything.")
    @click.option("--log-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the log to a file, too.")
    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        verbose, log_file = kwargs.pop("verbose"), kwargs.pop("log_file")
        assert isinstance(verbose, int)
        _set_up(verbose, log_file if isinstance(log_file, Path) else None)
        return function(*args, **kwargs)

    return wrapped


def _set_up(verbose: int, log_file: Path | None) -> None:
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    handlers[0].setLevel(level)
    if log_file is not None:
        try:
            handlers.append(logging.FileHandler(log_file))
        except OSError as error:
            raise click.UsageError(f"`--log-file {log_file}` cannot be written: {error.strerror}.") from None
    logger = logging.getLogger("bench")
    logger.handlers[:] = handlers
    logger.setLevel(logging.DEBUG if log_file is not None else level)
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
