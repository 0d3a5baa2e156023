"""One thing that `bench doctor` looked at, in words."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["ok", "note", "warning", "error"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at: `error` would void a run, `warning` would disturb it, `note` is worth knowing.

    `name` is a code; what was seen and what to do about it are in the language that was asked for.
    """

    name: str
    state: State
    seen: str
    advice: str = ""
