"""What is shown while a file is fetched: a bar on a terminal, one line elsewhere; stdout is for the path alone."""

from __future__ import annotations

from types import TracebackType
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TimeRemainingColumn, TransferSpeedColumn
from rich.text import Text

from bench.download.fetch import Step
from bench.text import printable, sentence
from bench.text.figures import size


class DownloadBar:
    """Context manager; pass its `observe` to `fetch`."""

    def __init__(self, lang: str) -> None:
        self._lang = lang
        self._console = Console(stderr=True)
        self._said: set[str] = set()
        self._task: TaskID | None = None
        columns = (BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn(), TimeRemainingColumn())
        self._bar = Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal, refresh_per_second=4
        )

    def __enter__(self) -> DownloadBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def observe(self, step: Step) -> None:
        """Take in how far it is; the first step of an address is told in words."""
        if step.url not in self._said:
            self._said.add(step.url)
            self._tell(step)
        if self._task is None:
            self._task = self._bar.add_task("")
        self._bar.update(self._task, completed=step.done, total=step.total)

    def _tell(self, step: Step) -> None:
        url = printable(step.url)
        if urlsplit(step.url).scheme == "http":
            self._say(sentence(self._lang, "fetch.open_way", url=url))
        if step.total is None:
            self._say(sentence(self._lang, "fetch.begun_unknown", url=url))
        elif step.done:
            self._say(sentence(self._lang, "fetch.resumed", url=url, size=size(step.total), kept=size(step.done)))
        else:
            self._say(sentence(self._lang, "fetch.begun", url=url, size=size(step.total)))

    def _say(self, line: str) -> None:
        # As in `progress.py`: nothing is wrapped, and no bracket of a URL is taken for markup.
        self._console.print(Text(line), soft_wrap=True)
