"""What is drawn anew once a second while something runs, on a terminal; nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live


class Redrawn:
    """Context manager on stderr. `live`: whether there is a terminal, on which `renderable` is shown meanwhile."""

    def __init__(self, renderable: Callable[[], RenderableType]) -> None:
        self._console = Console(stderr=True)
        self.live = self._console.is_terminal
        self._live = (
            Live(get_renderable=renderable, console=self._console, refresh_per_second=1, transient=True)
            if self.live
            else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
