"""Flags that stand on every command with the same meaning, and what they set up."""

from __future__ import annotations

import functools
import logging
import math
import os
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar  # Any: what click hands to a parameter type

import click

if TYPE_CHECKING:
    from rich.console import Console

    from bench.records.plan import Setting

    _Choice = click.Choice[str]
else:
    _Choice = click.Choice  # generic since click 8.2, older ones cannot be subscripted

P = ParamSpec("P")
R = TypeVar("R")
# Controls that JSON may hold as they are, and marks of direction; outside of strings there are none.
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class Names(_Choice):
    """One of some names; a wrong one is answered with the name that was probably meant."""

    def __init__(self, kind: str, names: Sequence[str]) -> None:
        super().__init__(names)
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in self.choices:
            return str(value)
        from bench.plugins import suggestion

        raise click.UsageError(f"There is no {self._kind} {value!r}.{suggestion(str(value), list(self.choices))}", ctx)


def language_of_environment() -> str:
    """`zh` where the system's own settings ask for Chinese, else `en`; the first that is set counts, as in POSIX."""
    settings = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, settings), "").lower().startswith("zh") else "en"


lang_option = click.option(
    "--lang",
    type=Names("language", ["en", "zh"]),
    default=language_of_environment,
    envvar="BENCH_LANG",
    help="Language of tables and reports [default: BENCH_LANG, else the locale's: zh or en].",
)
format_option = click.option(
    "--format", "form", type=Names("format", ["table", "json"]), default="table", help="For people or for programs."
)
output_option = click.option(
    "-o", "--output", metavar="DIR", help="Results directory [default: BENCH_RESULTS, else ./results]."
)


def _settings(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Setting]:
    settings: dict[str, Setting] = {}
    for entry in values:
        key, equals, text = entry.partition("=")
        if not equals or not key:
            raise click.UsageError(f"`--setting {entry}` is not KEY=VALUE.", ctx)
        if key in settings:
            raise click.UsageError(f"`--setting {key}=…` is given twice; which one holds?", ctx)
        settings[key] = _value(text)
    return settings


def _value(text: str) -> Setting:
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text  # "nan" may well be a word of the engine's


settings_option = click.option(
    "--setting",
    "settings",
    multiple=True,
    callback=_settings,
    metavar="KEY=VALUE",
    help="Goes to the backend; may be repeated.",
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


def print_json(value: object, order: Literal["deterministic"] | None = None) -> None:
    """A value that msgspec can encode, as indented JSON on stdout."""
    import msgspec

    print_json_text(msgspec.json.format(msgspec.json.encode(value, order=order), indent=1).decode())


def print_json_text(text: str) -> None:
    """JSON as UTF-8 on stdout whatever the terminal's encoding; what a terminal would obey is written as `\\u…`."""
    click.echo(_OBEYED.sub(lambda found: f"\\u{ord(found.group()):04x}", text).encode("utf-8", "replace"))


def console() -> Console:
    """Where tables go. rich's own leaves with code 1, a crash's, when the reader goes away."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Plain()


def ignore_interrupts() -> None:
    """From here on the program ends by itself; a second Ctrl-C must not break into its last words."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _set_up(verbose: int, log_file: Path | None) -> None:
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    handlers[0].setLevel(level)
    if log_file is not None:
        try:
            handlers.append(logging.FileHandler(log_file))
        except OSError as error:
            raise click.UsageError(f"`--log-file {log_file}` cannot be written: {error.strerror}.") from None
    logging.raiseExceptions = False  # a full disk under the log file is no reason for a traceback
    logger = logging.getLogger("bench")
    logger.handlers[:] = handlers
    logger.setLevel(logging.DEBUG if log_file is not None else level)
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
