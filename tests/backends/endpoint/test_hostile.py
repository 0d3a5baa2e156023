"""Servers that lie, stop, trickle or are none: each is one line for people, and the token is in none of them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.backends.base import EngineError, Unsupported
from bench.backends.endpoint.address import TOKEN, parse_address, token
from bench.backends.endpoint.backend import BACKEND

from ..seam import Named, answers, tiny

pytest.importorskip("tritonclient.http", reason="the extra `endpoint` is not installed")
pytest.importorskip("tritonclient.grpc", reason="the extra `endpoint` is not installed")
SECRET = "s3cret-of-the-test"
Answer = Callable[[str, socket.socket], None]


class Scripted:
    """A server that answers each request, once its head and body are in, as it is told to."""

    def __init__(self, answer: Answer) -> None:
        self._answer, self._listening = answer, socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while head := _head(connection):
                self._answer(head, connection)
        except OSError:
            return

    def close(self) -> None:
        for one in (self._listening, *self._open):
            one.close()


def _head(connection: socket.socket) -> str:
    """The head of the next request, its body read and dropped; empty at the end."""
    found = b""
    while b"\r\n\r\n" not in found:
        part = connection.recv(1 << 16)
        if not part:
            return ""
        found += part
    head, _, body = found.partition(b"\r\n\r\n")
    text = head.decode()
    lines = text.lower().split("\r\n")
    length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length: ")), 0)
    while len(body) < length:
        body += connection.recv(1 << 16)
    return text


def _whole(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


GOOD = {
    "GET /v2 ": b'{"name": "s", "version": "1"}',
    "GET /v2/models/tiny ": b'{"name": "tiny", "versions": ["7"], "platform": "p"}',
    "/ready ": b"",
    "/live ": b"",
}


def _up_to(path: str, then: bytes) -> Answer:
    """Well-behaved until `path` is asked for, which gets `then`, and the connection ends."""

    def answer(head: str, connection: socket.socket) -> None:
        line = head.partition("\r\n")[0]
        if path in line:
            connection.sendall(then)
            connection.shutdown(socket.SHUT_RDWR)
            return
        connection.sendall(_whole(next(body for start, body in GOOD.items() if start in line)))

    return answer


def _infer(outputs: str) -> bytes:
    return _whole(b'{"model_name": "tiny", "outputs": ' + outputs.encode() + b"}")


_FORM = '"name": "logits", "datatype": "FP32"'
CASES = {
    "garbage": ("GET", b"\x00\xff nothing of HTTP\r\n\r\n", "no answer of the Open Inference Protocol"),
    "ends at once": ("GET", b"", "closed the connection"),
    "not JSON": ("GET /v2 ", _whole(b"<html>"), "not usable as JSON"),
    "wrong types": ("GET /v2/models/tiny ", _whole(b'{"name": 3}'), "name"),
    "deep": ("GET /v2 ", _whole(b"[" * 90_000), "nested"),
    "endless": ("GET /v2 ", _whole(b"x" * (2 << 20)), "where fewer are due"),
    "redirect": ("GET /v2 ", _whole(b"", "302 Found", "Location: http://elsewhere/\r\n"), "not followed"),
    "not ready": ("/ready", _whole(b"", "503 Service Unavailable"), "not ready"),
    "echoes": ("GET /v2 ", _whole(f"you said {SECRET}".encode(), "403 Forbidden"), TOKEN),
    "breaks off": ("POST", _whole(b"x" * 500)[:-400], "in the middle of an answer"),
    "no outputs": ("POST", _infer("[]"), "lacks the output"),
    "null": ("POST", _infer("null"), "lacks the output"),
    "wrong shape": (
        "POST",
        _infer("[{" + _FORM + ', "shape": [4, 4], "data": [' + ",".join("0" * 16) + "]}]"),
        "due is",
    ),
    "wrong type": ("POST", _infer('[{"name": "logits", "datatype": "INT32", "shape": [1], "data": [1]}]'), "due is"),
    "contradicts": ("POST", _infer("[{" + _FORM + ', "shape": [4, 5], "data": [1]}]'), "no answer of the Open"),
    "numbers as text": ("POST", _infer("[{" + _FORM + ', "shape": [4, 5], "data": "x"}]'), "no answer of the Open"),
    "header beyond": (
        "POST",
        _whole(b"{}", more="Inference-Header-Content-Length: minus\r\n"),
        "no answer of the Open",
    ),
    "fails": ("POST", _whole(b'{"error": "the card\\nis \\u001b[2J gone"}', "500 No"), "the card is  \\[2J gone"),
}


@pytest.fixture
def scripted() -> Iterator[Callable[[Answer], str]]:
    """Starts a server; gives its port as text."""
    started: list[Scripted] = []

    def start(answer: Answer) -> str:
        started.append(Scripted(answer))
        return str(started[-1].port)

    yield start
    for one in started:
        one.close()


def _ask(folder: Path, url: str, **settings: object) -> Named:
    model, inputs = tiny(folder)
    return answers(BACKEND, model, inputs, settings={"url": url, "model": "tiny", "timeout_s": 10, **settings})[1]  # type: ignore[dict-item]


@pytest.mark.parametrize("name", list(CASES))
def test_what_is_no_answer_is_told(
    tmp_path: Path, scripted: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(TOKEN, SECRET)
    path, then, words = CASES[name]
    with pytest.raises(EngineError, match=words) as refusal:
        _ask(tmp_path, f"http://127.0.0.1:{scripted(_up_to(path, then))}")
    assert SECRET not in str(refusal.value)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_server_that_never_answers_is_left(tmp_path: Path, scripted: Callable[[Answer], str], scheme: str) -> None:
    def silent(head: str, connection: socket.socket) -> None:
        return

    with pytest.raises(EngineError, match=r"no answer within 0\.3 s"):
        _ask(tmp_path, f"{scheme}://127.0.0.1:{scripted(silent)}", timeout_s=0.3)


def test_a_server_that_trickles_is_left(tmp_path: Path, scripted: Callable[[Answer], str]) -> None:
    ended = threading.Event()

    def trickle(head: str, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not ended.wait(0.05):
            connection.sendall(b" ")

    with pytest.raises(EngineError, match=r"no answer within 0\.5 s"):
        _ask(tmp_path, f"http://127.0.0.1:{scripted(trickle)}", timeout_s=0.5)
    ended.set()


def test_what_is_no_grpc_is_told(tmp_path: Path, scripted: Callable[[Answer], str]) -> None:
    with pytest.raises(EngineError, match="UNAVAILABLE"):
        _ask(tmp_path, f"grpc://127.0.0.1:{scripted(_up_to('', b'HTTP/1.1 400 Bad'))}")


@pytest.mark.parametrize("scheme", ["http", "grpc", "https", "grpcs"])
def test_where_nobody_listens_both_say_the_same(tmp_path: Path, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(EngineError, match="nothing listens there"):
        _ask(tmp_path, f"{scheme}://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "url"),
        ({"url": "ftp://x:1"}, "expected SCHEME"),
        ({"url": "http://x"}, "expected SCHEME"),
        ({"url": "http://x:99999"}, "no address"),
        ({"url": "http://[x:1"}, "no address"),
        ({"url": "http://x:1/v2"}, "expected SCHEME"),
        ({"url": "http://x:1", "model": "../../admin"}, "without slashes"),
        ({"url": "http://x:1", "timeout_s": 0}, "timeout_s"),
        ({"url": "http://x:1", "timeout_s": True}, "timeout_s"),
        ({"url": "http://x:1", "binary": 1}, "true or false"),
        ({"url": "http://x:1", "modle": "y"}, "model"),
    ],
)
def test_settings_are_checked(tmp_path: Path, settings: dict[str, str], words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        answers(BACKEND, *tiny(tmp_path), settings=settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["http://me:pass-word@x:1", "http://x:1/?key=pass-word", "http://x:1/#pass-word"])
def test_secrets_in_an_address_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(Unsupported, match=TOKEN) as refusal:
        parse_address(url)
    assert "pass-word" not in str(refusal.value)


def test_a_token_does_not_travel_in_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, SECRET)
    with pytest.raises(Unsupported, match="not encrypted"):
        token(parse_address("http://192.0.2.1:80"))
    assert token(parse_address("https://192.0.2.1:80")) == SECRET
    monkeypatch.setenv(TOKEN, "line\r\nHost: other")
    with pytest.raises(Unsupported, match="cannot carry") as refusal:
        token(parse_address("https://192.0.2.1:80"))
    assert "Host" not in str(refusal.value)
