"""A server on 127.0.0.1 that serves one file, keeps the rules of ranges, and breaks them as it is told."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

Answer = Callable[["Request"], None]


class Site:
    """`script` holds how the next requests are answered; when it is empty, as the rules say."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.tag: str | None = '"first"'
        self.changed: str | None = None
        self.script: list[Answer] = []
        self.asked: list[dict[str, str]] = []
        self.released = threading.Event()
        site = self

        class Handler(Request):
            at = site

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def url(self, path: str = "/folder/model.onnx") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def ranges(self) -> list[str | None]:
        """What the requests so far asked for: a range, or None for all."""
        return [headers.get("Range") for headers in self.asked]

    def __enter__(self) -> Site:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


class Request(BaseHTTPRequestHandler):
    """One request, and what an answer can be made of."""

    at: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.at.asked.append(dict(self.headers.items()))
        (self.at.script.pop(0) if self.at.script else by_the_rules)(self)
        self.close_connection = True

    def head(self, status: int, **headers: object) -> None:
        """Send status and headers; those that are None are left out, and `_` stands for `-`."""
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def about(self) -> dict[str, object]:
        return {"ETag": self.at.tag, "Last_Modified": self.at.changed}

    @property
    def first(self) -> int:
        """The first byte asked for."""
        matched = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(matched[1]) if matched else 0

    def log_message(self, format: str, *args: object) -> None:
        return


def by_the_rules(request: Request) -> None:
    """The rest that was asked for if it is of the same file, else all."""
    same = request.headers.get("If-Range") in (request.at.tag, request.at.changed)
    (the_rest if request.first and same else everything)(request)


def everything(request: Request) -> None:
    """The whole file, whatever was asked for."""
    request.head(200, Content_Length=len(request.at.content), **request.about())
    request.wfile.write(request.at.content)


def the_rest(request: Request) -> None:
    """The range, whatever file it was asked of."""
    content, first = request.at.content, request.first
    if first >= len(content):
        return request.head(416, Content_Range=f"bytes */{len(content)}", Content_Length=0)
    where = f"bytes {first}-{len(content) - 1}/{len(content)}"
    request.head(206, Content_Length=len(content) - first, Content_Range=where, **request.about())
    request.wfile.write(content[first:])
    return None


def cut_after(count: int) -> Answer:
    """By the rules, but the connection ends after `count` bytes of the file."""

    def answer(request: Request) -> None:
        content, first = request.at.content, request.first
        where = f"bytes {first}-{len(content) - 1}/{len(content)}" if first else None
        length = len(content) - first
        request.head(206 if first else 200, Content_Length=length, Content_Range=where, **request.about())
        request.wfile.write(content[first : first + count])

    return answer


def stopped_after(count: int) -> Answer:
    """The connection stays, and nothing comes after `count` bytes."""

    def answer(request: Request) -> None:
        request.head(200, Content_Length=len(request.at.content), **request.about())
        request.wfile.write(request.at.content[:count])
        request.wfile.flush()
        request.at.released.wait()

    return answer


def in_chunks(whole: bool = True) -> Answer:
    """Of unknown length, in chunks; the last one that says that it was all is missing unless `whole`."""

    def answer(request: Request) -> None:
        request.head(200, Transfer_Encoding="chunked", **request.about())
        for first in range(0, len(request.at.content), 1000):
            part = request.at.content[first : first + 1000]
            request.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        if whole:
            request.wfile.write(b"0\r\n\r\n")

    return answer


def status(code: int, **headers: object) -> Answer:
    """A status with an empty body."""
    return lambda request: request.head(code, Content_Length=0, **headers)
