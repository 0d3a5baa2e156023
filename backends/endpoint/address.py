"""Where a served model is, and what proves to it who asks: read from settings and from the environment.

What lies in the environment (token, certificates) never enters settings, facts, messages or records.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bench.backends.base import Unsupported
from bench.plugins import suggestion
from bench.records.plan import Setting

TOKEN, AUTHORITY = "BENCH_ENDPOINT_TOKEN", "BENCH_ENDPOINT_CA"
_SCHEMES = ("http", "https", "grpc", "grpcs")
_SHAPE = "SCHEME://HOST:PORT with one of the schemes http, https, grpc, grpcs"
_MOST_TIMEOUT_S = 3600.0


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A server: how it is spoken to, and where."""

    scheme: str
    host: str
    port: int

    @property
    def tls(self) -> bool:
        return self.scheme in ("https", "grpcs")

    @property
    def grpc(self) -> bool:
        return self.scheme in ("grpc", "grpcs")

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The backend's settings. `version` empty: the server chooses. `timeout_s`: the longest wait for one answer.

    `binary`: over HTTP, tensors go as bytes behind the JSON (the protocol's binary extension), else as JSON numbers.
    """

    address: Address
    model: str
    version: str
    timeout_s: float
    binary: bool


def served_name(network: Path) -> str:
    """The name that a network has on a server unless another is said: its workload's, or that of a file of one's own.

    The networks of the suite are all called `graph`, in the folder of their workload.
    """
    own = network.parent.name if network.name.split(".")[0] == "graph" else network.stem
    return re.sub(r"[^\w.-]", "_", own, flags=re.ASCII)


def asked(settings: Mapping[str, Setting], model: str) -> Asked:
    """What the settings ask for; `model` is the name where they name none. Raises Unsupported."""
    known = ("url", "model", "version", "timeout_s", "binary")
    for key in settings:
        if key not in known:
            raise Unsupported(f"endpoint has no setting {key!r}.{suggestion(key, list(known))}")
    if "url" not in settings:
        raise Unsupported(f"endpoint needs to know where the server is: `--setting url={_SHAPE.split()[0]}`.")
    timeout_s, binary = settings.get("timeout_s", 30), settings.get("binary", True)
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or not 0 < timeout_s <= _MOST_TIMEOUT_S:
        raise Unsupported(
            f"endpoint's setting 'timeout_s' is {timeout_s!r}; expected seconds over 0 and up to {_MOST_TIMEOUT_S:.0f}."
        )
    if not isinstance(binary, bool):
        raise Unsupported(f"endpoint's setting 'binary' is {binary!r}; expected true or false.")
    return Asked(
        address=parse_address(str(settings["url"])),
        model=_path_part("model", str(settings.get("model", model))),
        version=_path_part("version", str(settings.get("version", ""))),
        timeout_s=float(timeout_s),
        binary=binary,
    )


def parse_address(url: str) -> Address:
    """Raises Unsupported for what is no address, and for one that holds more than an address, such as a password."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        raise Unsupported(f"endpoint's setting 'url' is no address; expected {_SHAPE}.") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        # Not repeated here: what stands there may well be a secret.
        raise Unsupported(
            f"endpoint's setting 'url' is kept in records, so it takes no user, password or query; put a token into "
            f"the environment, as {TOKEN}."
        )
    if scheme not in _SCHEMES or not host or not port or parts.path not in ("", "/"):
        raise Unsupported(f"endpoint's setting 'url' is {url!r}; expected {_SHAPE}.")
    return Address(scheme=scheme, host=host, port=port)


def token(address: Address) -> str:
    """The token of the environment, empty where there is none. Raises Unsupported where it must not or cannot go."""
    found = os.environ.get(TOKEN, "")
    if not found:
        return ""
    if not found.isascii() or not found.isprintable():
        raise Unsupported(
            f"{TOKEN} holds characters that a header cannot carry (line ends, control characters, others)."
        )
    if not address.tls and not is_loopback(address.host):
        raise Unsupported(
            f"{TOKEN} is set and {address.url} is not encrypted: anybody on the way could read it; "
            f"use {address.scheme}s://, or unset it."
        )
    return found


def trusted() -> ssl.SSLContext:
    """Checks certificates against the system's authorities, or the environment's. Raises Unsupported."""
    return _context(_authority_file())


def authorities() -> bytes | None:
    """The same authorities in PEM, None for those that gRPC brings."""
    if file := _authority_file():
        _context(file)
        return Path(file).read_bytes()
    system = ssl.get_default_verify_paths().cafile
    return Path(system).read_bytes() if system and Path(system).is_file() else None


def _authority_file() -> str | None:
    return os.environ.get(AUTHORITY) or None


def _context(file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror if not isinstance(error, ssl.SSLError) else "it holds no certificate in PEM"
        raise Unsupported(f"{AUTHORITY} names {file!r}, which cannot be used: {why}.") from None


def is_loopback(host: str) -> bool:
    """Whether nobody but this host reaches the address; a name other than `localhost` is not resolved for it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _path_part(name: str, text: str) -> str:
    """A name that becomes part of a path there: nothing that would lead elsewhere."""
    if not text.isprintable() or any(sign in text for sign in "/?#%\\ ") or text in (".", ".."):
        raise Unsupported(f"endpoint's setting {name!r} is {text!r}; expected a name without slashes, spaces or signs.")
    return text
