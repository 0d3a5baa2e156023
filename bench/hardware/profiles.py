"""Profiles by name or file, held beside one another: where they lie, how they differ, what is left out of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any  # plain values of a profile

import msgspec

from bench.plugins import suggestion
from bench.records.profile import Profile, Serials
from bench.records.untrusted import BadFile, read_toml


class BadProfile(ValueError):
    """A profile that is not there; one line with what was asked and what there is."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that two profiles have differently, as text; None where one of them says nothing."""

    path: str
    first: str | None
    second: str | None


def profile_names() -> list[str]:
    """Names of the hardware profiles that ship with the harness."""
    return sorted(file.stem for file in _folder().glob("*.toml"))


def profile_file(name: str) -> Path:
    """The file of a shipped profile's name, or the path that `name` is. Raises BadProfile."""
    shipped = _folder() / f"{name}.toml"
    if name in profile_names():
        return shipped
    if name.endswith(".toml") or "/" in name:
        path = Path(name).expanduser()
        if path.is_file():
            return path
        raise BadProfile(f"There is no file {name}; `bench profile detect -o {name}` writes one of this host.")
    raise BadProfile(
        f"There is no profile {name!r}.{suggestion(name, profile_names())} A file of your own ends with `.toml`."
    )


def load_profile(name: str) -> Profile:
    """The profile of a name or file. Raises BadProfile or BadFile, one line."""
    path = profile_file(name)
    profile = read_toml(path, Profile)
    if path.parent == _folder() and profile.name != path.stem:
        raise BadFile(f"{path}: its `name` is {profile.name!r}")
    return profile


def profile_hash(name: str) -> str:
    """SHA-256 of the file, as hexadecimal digits."""
    return hashlib.sha256(profile_file(name).read_bytes()).hexdigest()


def redacted(profile: Profile) -> Profile:
    """The profile without anything that tells one machine from another of its kind."""
    power = profile.power
    if power.meter is not None:
        power = msgspec.structs.replace(power, meter=msgspec.structs.replace(power.meter, serial=None))
    return msgspec.structs.replace(profile, serials=Serials(), power=power)


def differences(first: Profile, second: Profile) -> list[Difference]:
    """What differs, in the order of the fields."""
    one, two = flat(first), flat(second)
    return [
        Difference(path=path, first=one.get(path), second=two.get(path))
        for path in dict.fromkeys([*one, *two])
        if one.get(path) != two.get(path)
    ]


def flat(profile: Profile) -> dict[str, str]:
    """Every fact as text by its path, `accelerators[0].model`; what is not known is not in it."""
    return dict(_flattened("", msgspec.to_builtins(profile)))


def _flattened(prefix: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        steps = [(f"{prefix}.{key}" if prefix else str(key), entry) for key, entry in value.items()]
    elif isinstance(value, Sequence) and any(isinstance(entry, Mapping) for entry in value):
        steps = [(f"{prefix}[{index}]", entry) for index, entry in enumerate(value)]
    elif value is None or value in ([], ()):
        return []
    else:
        return [(prefix, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))]
    return [pair for path, entry in steps for pair in _flattened(path, entry)]


def _folder() -> Path:
    return Path(__file__).resolve().parent.parent / "hardware_profiles"
