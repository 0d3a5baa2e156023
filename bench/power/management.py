"""The power that a server's management controller measures: by `ipmitool` on the machine, or by Redfish.

Both are asked for by name only: they take privileges or a password.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from typing import Any, TypeVar  # Any: JSON of a controller, looked at here

from bench.power.sensor import READING_FAILS, Unreadable
from bench.records.energy import How, Scope, Source

# Controllers average over a second or more; asking more often tells nothing new.
_PAUSE_S = 1.0
_TIMEOUT_S = 10.0
_LIMIT = 1 << 20
_WATTS = re.compile(r"Instantaneous power reading\s*:\s*(\d{1,6}) Watts")
Kind = TypeVar("Kind", "IpmiPower", "RedfishPower")
USER, PASSWORD = "BENCH_REDFISH_USER", "BENCH_REDFISH_PASSWORD"


class IpmiPower:
    """`ipmitool dcmi power reading` (DCMI 1.5, section 6.6.1)."""

    source: Source = "ipmi"
    name = "DCMI"
    scope: Scope = "machine"
    how: How = "sampled"
    wraps_at: float | None = None
    pause_s = _PAUSE_S

    def __init__(self, program: str) -> None:
        self._program = program

    def read(self) -> float:
        command = [self._program, "dcmi", "power", "reading"]
        try:
            answer = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
        except subprocess.SubprocessError as error:
            raise ValueError(str(error)) from None
        found = _WATTS.search(answer.stdout.decode(errors="replace"))
        if found is None:
            raise ValueError(_first_line(answer.stderr) or "ipmitool tells no power")
        return float(found[1])


class RedfishPower:
    """`PowerConsumedWatts` of a chassis, or the reading of its environment metrics (DMTF DSP0266, DSP8010)."""

    source: Source = "redfish"
    scope: Scope = "machine"
    how: How = "sampled"
    wraps_at: float | None = None
    pause_s = _PAUSE_S

    def __init__(self, url: str) -> None:
        self._url, self.name = url, urllib.parse.urlsplit(url).netloc

    def read(self) -> float:
        plain = _get(self._url)
        control = plain.get("PowerControl")
        if isinstance(control, list) and control and isinstance(control[0], dict):
            return _watts(control[0].get("PowerConsumedWatts"))
        reading = plain.get("PowerWatts")
        return _watts(reading.get("Reading") if isinstance(reading, dict) else None)


def ipmi_sensor() -> IpmiPower:
    """The controller of this machine. Raises Unreadable."""
    program = shutil.which("ipmitool")
    if program is None:
        raise Unreadable("ipmitool is not installed")
    return _tried(IpmiPower(program))


def redfish_sensor(url: str) -> RedfishPower:
    """The resource of a chassis that has its power, with a whole address. Raises Unreadable."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.netloc or not parts.path.strip("/"):
        raise Unreadable(f"{url} is no address such as https://bmc/redfish/v1/Chassis/1/Power")
    return _tried(RedfishPower(url))


def _tried(sensor: Kind) -> Kind:
    try:
        sensor.read()
    except READING_FAILS as error:
        raise Unreadable(" ".join(str(error).split())) from None
    return sensor


def _get(url: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    if user is not None and password is not None:
        if not url.startswith("https:"):
            raise ValueError(f"a password goes over https only, and the address is {url}")
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")  # for this controller, and no other
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        plain = json.loads(answer.read(_LIMIT))
    if not isinstance(plain, dict):
        raise ValueError("the controller's answer is no object")
    return plain


def _watts(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise ValueError("the controller tells no power")
    return float(value)


def _first_line(text: bytes) -> str:
    return next(iter(text.decode(errors="replace").strip().splitlines()), "")
