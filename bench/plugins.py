"""Finding plug-ins by entry point, loading them one at a time and saying precisely what is wrong with a broken one.

Built-in backends and workloads enter through the same door as a vendor's. Listing names imports nothing.
"""

from __future__ import annotations

import difflib
import os
from importlib.metadata import EntryPoint, entry_points


class PluginError(ValueError):
    """A plug-in that is unknown or broken; the message names group, distribution, object and what is missing."""


def suggestion(name: str, known: list[str]) -> str:
    """`" Did you mean 'x'?"` when a known name is close, else the list of known names, as the end of a message."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(known) or 'none'}."


def one_line(error: BaseException) -> str:
    """A foreign error's type and words, without its line breaks."""
    return f"{type(error).__name__}: " + " ".join(str(error).split())


def plugin_names(group: str) -> list[str]:
    """Sorted names registered in an entry-point group, as far as they are allowed; imports none of them."""
    return sorted({entry.name for entry in _entries(group)})


def _entries(group: str) -> list[EntryPoint]:
    allowed = _allowed(group)
    names = None if allowed is None else {name.strip() for name in allowed.split(",")}
    return [entry for entry in entry_points(group=group) if names is None or entry.name in names]


def _allowed(group: str) -> str | None:
    """BENCH_BACKENDS, names with commas between them, is an allow-list: on a machine that runs foreign changes, such as
    a CI runner, no backend is imported that somebody merely installed.
    """
    return os.environ.get("BENCH_BACKENDS") if group == "bench.backends" else None


def load_plugin(group: str, name: str, members: tuple[str, ...]) -> object:
    """Import the object registered as `name` and check that it has all `members`.

    Raises PluginError for a name that is unknown or registered by two distributions, a failing import, or a
    missing member.
    """
    found = [entry for entry in _entries(group) if entry.name == name]
    kind = group.removeprefix("bench.").removesuffix("s")
    if not found:
        allowed = f" BENCH_BACKENDS allows only {_allowed(group)!r}." if _allowed(group) is not None else ""
        raise PluginError(f"There is no {kind} {name!r}.{suggestion(name, plugin_names(group))}{allowed}")
    origins = {(_distribution(entry), entry.value) for entry in found}
    if len(origins) > 1:
        raise PluginError(f"The {kind} {name!r} is registered twice: {sorted(origins)}; uninstall one.")
    return _checked(found[0], kind, members)


def _checked(entry: EntryPoint, kind: str, members: tuple[str, ...]) -> object:
    where = f"{kind} {entry.name!r} of distribution {_distribution(entry)!r} ({entry.value})"
    try:
        plugin: object = entry.load()
    except (Exception, SystemExit) as error:  # a vendor's import may do anything; it is told, and the others go on
        raise PluginError(f"The {where} cannot be imported: {one_line(error)}") from error
    missing = [member for member in members if not hasattr(plugin, member)]
    if missing:
        raise PluginError(f"The {where} lacks {', '.join(missing)}; it must have {', '.join(members)}.")
    return plugin


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "unknown"
