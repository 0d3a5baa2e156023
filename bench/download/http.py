"""One request for a file or the rest of it. What may be tried again is told apart from what is final.

urllib does: resuming, checksums and renaming are ours with any library, and nothing else is asked of it.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse, InvalidURL
from typing import IO, Annotated
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec

from bench import __version__
from bench.text import printable

_TAG = r'"[\x21\x23-\x7e\x80-\xff]{0,200}"'  # a strong one: a weak one (W/"…") says nothing about bytes
_DATE = r"[A-Za-z0-9,: +-]{1,40}"
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)")
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHUNK = 1 << 18


class DownloadFailed(Exception):
    """The file did not come, or is not the one that was asked for; one line for people."""


class Interrupted(DownloadFailed):
    """It may come if it is asked for again."""


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which file of the server's it was: its validator (a strong ETag, else the time of its last change) and size.

    Without a validator nobody could say whether the rest still belongs to the beginning.
    """

    validator: Annotated[str, msgspec.Meta(pattern=f"^(?:{_TAG}|{_DATE})$")] | None
    total: int | None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A server that has begun to send: from byte `start` on; `url` is where redirections led."""

    url: str
    start: int
    origin: Origin
    stream: HTTPResponse

    def chunks(self) -> Iterator[bytes]:
        """Bytes as they come. Raises Interrupted where the connection breaks or falls silent."""
        while True:
            try:
                chunk = self.stream.read1(_CHUNK)
            except (OSError, HTTPException) as error:
                raise Interrupted(f"the connection broke: {_words(error)}") from None
            if not chunk:
                return
            yield chunk


def ask(url: str, offset: int, kept: Origin | None, timeout_s: float) -> Reply | None:
    """Ask for the file at `url`, or for its rest from `offset` on where it still is the file that `kept` says.

    None: the server does not continue from there, and the whole file must be asked for. One that ignores the range, or
    whose file has changed, answers with `start` 0. Raises DownloadFailed, or Interrupted.
    """
    headers = {"User-Agent": f"inference-bench/{__version__}", "Accept-Encoding": "identity"}
    continuing = kept if offset and kept is not None and kept.validator is not None else None
    if continuing is not None:
        headers |= {"Range": f"bytes={offset}-", "If-Range": str(continuing.validator)}
    try:
        response: HTTPResponse = build_opener(_Redirects()).open(Request(url, headers=headers), timeout=timeout_s)
    except HTTPError as error:
        error.close()
        if continuing is not None and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None
        raise _refusal(error.code) from None
    except (OSError, HTTPException) as error:
        raise _unreachable(error) from None
    reply = None
    try:
        reply = _reply(response, offset, continuing)
    finally:
        if reply is None:
            response.close()
    return reply


def _reply(response: HTTPResponse, offset: int, kept: Origin | None) -> Reply | None:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise DownloadFailed("the server sent the file compressed, though it was asked not to.")
    found = _validator(response.headers)
    if response.status == HTTPStatus.OK:
        origin = Origin(validator=found, total=response.length)
        return Reply(url=response.url, start=0, origin=origin, stream=response)
    matched = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if response.status != HTTPStatus.PARTIAL_CONTENT or kept is None or matched is None:
        raise DownloadFailed(f"the server answered with status {response.status} where the file was expected.")
    total = kept.total if matched[2] == "*" else int(matched[2])
    # Some servers ignore `If-Range` and would send the rest of another file; one that minds it need not repeat it.
    other = found not in (None, kept.validator) or kept.total not in (None, total)
    if int(matched[1]) != offset or other:
        return None
    origin = Origin(validator=kept.validator, total=total)
    return Reply(url=response.url, start=offset, origin=origin, stream=response)


def _validator(headers: HTTPMessage) -> str | None:
    tag, changed = headers.get("ETag", ""), headers.get("Last-Modified", "")
    if re.fullmatch(_TAG, tag):
        return tag
    return changed if re.fullmatch(_DATE, changed) else None


class _Redirects(HTTPRedirectHandler):
    """urllib would follow to ftp, too."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise HTTPError(req.full_url, code, msg, headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _refusal(code: int) -> DownloadFailed:
    if 300 <= code < 400:
        return DownloadFailed(f"its redirections (status {code}) go in a circle, or to what is neither http nor https.")
    phrases = {status.value: f" {status.phrase}" for status in HTTPStatus}
    told = f"the server answered {code}{phrases.get(code, '')}"
    return Interrupted(told) if code in _AGAIN else DownloadFailed(f"{told}.")


def _unreachable(error: OSError | HTTPException) -> DownloadFailed:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadFailed(f"the server's certificate is not to be trusted: {reason.verify_message}.")
    if isinstance(reason, socket.gaierror):
        return DownloadFailed("its host is not known here: is there a network, and is the name right?")
    if isinstance(reason, str | InvalidURL):
        return DownloadFailed(f"{printable(str(reason))}.")
    return Interrupted(f"the server cannot be reached: {_words(reason)}")


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "nothing came in time"
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return printable(" ".join(words.split())) or type(error).__name__
