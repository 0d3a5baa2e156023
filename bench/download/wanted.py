"""What is to be fetched: a known name or a URL, made into an address and the checksums that the file must have."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import msgspec

from bench.plugins import suggestion
from bench.records.untrusted import read_toml

_KNOWN = Path(__file__).parent / "models.toml"
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
# What a URL may hold as it stands; all else is percent-encoded.
_PLAIN = "/%:@!$&'()*+,;=~-._?"


class BadDownload(ValueError):
    """A request that cannot be carried out whatever the network does; one line for people."""


class KnownModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry of `models.toml`; `published` says where its checksums are from."""

    title: dict[str, str]
    url: str
    published: str
    sha256: str | None = None
    md5: str | None = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A file by its address, what it is called there ("" where the address has no name), and its checksums."""

    url: str
    file_name: str
    sha256: str
    md5: str | None = None


def known_models() -> dict[str, KnownModel]:
    """The built-in list, in the order of the file."""
    return read_toml(_KNOWN, dict[str, KnownModel])


def wanted(asked: str, sha256: str | None) -> Wanted:
    """What `asked`, a known name or a URL, and a given SHA-256 mean together. Raises BadDownload."""
    given = _checked_digest(sha256) if sha256 is not None else None
    if "://" not in asked:
        return _known(asked, given)
    url = _checked_url(asked)
    if given is None:
        raise BadDownload(f"{url}: name the file's SHA-256 with `--sha256`; nothing is fetched without one.")
    return Wanted(url=url, file_name=_file_name(url), sha256=given)


def _known(name: str, given: str | None) -> Wanted:
    models = known_models()
    if name not in models:
        raise BadDownload(f"There is no model {name!r}.{suggestion(name, list(models))} A URL begins with https://.")
    model = models[name]
    if model.sha256 is not None and given not in (None, model.sha256):
        raise BadDownload(
            f"{name} is pinned to SHA-256 {model.sha256}, and `--sha256` says {given}: leave it out, or give the URL."
        )
    digest = model.sha256 or given
    if digest is None:
        also = f", only an MD5 ({model.md5}; {model.published})" if model.md5 else ""
        raise BadDownload(
            f"No SHA-256 of {name} is published{also}. Give that of a copy that you trust: `--sha256 HEX`. It would be "
            f"fetched from {model.url}"
        )
    return Wanted(url=model.url, file_name=_file_name(model.url), sha256=digest, md5=model.md5)


def _checked_digest(text: str) -> str:
    matched = _SHA256.fullmatch(text.strip().lower())
    if matched is None:
        raise BadDownload(
            f"`--sha256 {text[:80]}` is not a SHA-256: 64 hexadecimal digits, as `sha256sum` prints them."
        )
    return matched[1]


def _checked_url(text: str) -> str:
    """The address in ASCII. Raises BadDownload for any that is not a plain one of http or https."""
    if any(character.isspace() or not character.isprintable() for character in text):
        raise BadDownload(f"{text!r} is no URL: it holds spaces or control characters.")
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port
    except ValueError as error:  # also what idna raises
        raise BadDownload(f"{text!r} is no URL: {error}.") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise BadDownload(f"{text}: only http and https are fetched from, not {parts.scheme!r}.")
    if parts.username is not None or parts.password is not None:
        raise BadDownload(
            f"The URL for {host} holds a user name or password, which would be shown and kept; leave it out."
        )
    if not host:
        raise BadDownload(f"{text!r} names no host.")
    place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")
    return urlunsplit((parts.scheme.lower(), place, quote(parts.path, _PLAIN), quote(parts.query, _PLAIN), ""))


def _file_name(url: str) -> str:
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    return name if name.isprintable() and name not in (".", "..") and "/" not in name else ""
