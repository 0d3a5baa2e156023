"""Names and objects of the installed backends, built-in or a vendor's, by the entry-point group `bench.backends`.

Nothing is imported before a backend is asked for by name.
"""

from __future__ import annotations

from typing import cast

from bench.backends.base import Backend
from bench.plugins import load_plugin, plugin_names

GROUP = "bench.backends"


def backend_names() -> list[str]:
    """Sorted names of the installed backends; imports none."""
    return plugin_names(GROUP)


def load_backend(name: str) -> Backend:
    """The backend called `name`. Raises PluginError when unknown or broken."""
    return cast(Backend, load_plugin(GROUP, name, ("name", "devices", "compile")))
