"""Each kind of sensor on what it reads: files after the kernel's documentation, scripted libraries and controllers."""

from __future__ import annotations

import http.server
import json
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.hardware.files import Files
from bench.hardware.nvml import NoNvml, Nvml
from bench.power.cards import card_sensors
from bench.power.management import PASSWORD, USER, ipmi_sensor, redfish_sensor
from bench.power.sensor import Unreadable
from bench.power.sysfs import hwmon_sensors, rapl_zones

from ..hardware.cards import FakeNvml
from ..hardware.machines import Tree, plant

POWERCAP = "sys/class/powercap"


def zone(path: str, name: str, energy_uj: int, most_uj: int = 262_143_328_850) -> Tree:
    """A zone as docs.kernel.org/power/powercap has it."""
    place = f"{POWERCAP}/{path}"
    return {
        f"{place}/name": f"{name}\n",
        f"{place}/energy_uj": f"{energy_uj}\n",
        f"{place}/max_energy_range_uj": f"{most_uj}\n",
    }


def test_packages_their_memory_and_the_platform_are_read_and_nothing_twice(tmp_path: Path) -> None:
    tree = zone("intel-rapl:0", "package-0", 5_000_000) | zone("intel-rapl:1", "package-1", 7_000_000)
    tree |= zone("intel-rapl:0:0", "core", 3) | zone("intel-rapl:0:1", "dram", 2_500_000)
    tree |= zone("intel-rapl:2", "psys", 9_000_000) | zone("intel-rapl-mmio:0", "package-0", 1)
    tree |= {f"{POWERCAP}/dtpm:0/name": "package-0\n", f"{POWERCAP}/dtpm:0/energy_uj": "1\n"}
    found = {one.name: one for one in rapl_zones(Files(plant(tree, tmp_path)))}
    assert {name: (one.scope, one.read()) for name, one in found.items()} == {
        "package-0": ("processor", 5.0),
        "package-1": ("processor", 7.0),
        "package-0 dram": ("memory", 2.5),
        "psys": ("machine", 9.0),
    }
    assert found["psys"].wraps_at == pytest.approx(262_143.32885)
    assert {one.how for one in found.values()} == {"counter"}


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({}, "/sys/class/powercap has no zone of RAPL"),
        ({f"{POWERCAP}/intel-rapl:0/name": "package-0"}, "intel-rapl:0/energy_uj is not there"),
        (
            zone("intel-rapl:0", "package-0", 1) | {f"{POWERCAP}/intel-rapl:0/energy_uj": "many"},
            "nothing that is known",
        ),
        (zone("intel-rapl:0", "core", 1), "has no zone of RAPL"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, tree: Tree, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        rapl_zones(Files(plant(tree, tmp_path)))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_zone_for_root_only_says_so(tmp_path: Path) -> None:
    root = plant(zone("intel-rapl:0", "package-0", 1), tmp_path)
    (root / POWERCAP / "intel-rapl:0/energy_uj").chmod(0)
    with pytest.raises(Unreadable, match="cannot be read: Permission denied"):
        rapl_zones(Files(root))


def test_a_zone_that_goes_away_costs_a_reading(tmp_path: Path) -> None:
    root = plant(zone("intel-rapl:0", "package-0", 1), tmp_path)
    (one,) = rapl_zones(Files(root))
    (root / POWERCAP / "intel-rapl:0/energy_uj").unlink()
    with pytest.raises(ValueError, match="is not there"):
        one.read()


def test_boards_and_their_channels(tmp_path: Path) -> None:
    """docs.kernel.org/hwmon/sysfs-interface: microwatts, microjoules."""
    chips = "sys/class/hwmon"
    tree: Tree = {
        f"{chips}/hwmon0/name": "ina3221\n",
        f"{chips}/hwmon0/power1_input": "5230000\n",
        f"{chips}/hwmon0/power1_average": "5000000\n",
        f"{chips}/hwmon0/power1_label": "VDD_IN\n",
        f"{chips}/hwmon0/power2_average": "1000000\n",
        f"{chips}/hwmon1/name": "amd_energy\n",
        f"{chips}/hwmon1/energy1_input": "123000000\n",
        f"{chips}/hwmon1/power1_input": "1\n",
        f"{chips}/hwmon2/temp1_input": "40000\n",
        f"{chips}/hwmon3/power1_input": "broken\n",
    }
    found = hwmon_sensors(Files(plant(tree, tmp_path)))
    assert [(one.name, one.how, one.read()) for one in found] == [
        ("ina3221 VDD_IN", "sampled", 5.23),
        ("ina3221 power2", "sampled", 1.0),
        ("amd_energy energy1", "counter", 123.0),
    ]
    with pytest.raises(Unreadable, match="no chip under"):
        hwmon_sensors(Files(tmp_path / "nowhere"))


def test_a_cards_counter_goes_before_its_power() -> None:
    both = Nvml(FakeNvml(count=2, nvmlDeviceGetTotalEnergyConsumption=5000, nvmlDeviceGetPowerUsage=300_000))
    assert [(one.name, one.how, one.read()) for one in card_sensors(lambda: both)] == [
        ("0: NVIDIA H200", "counter", 5.0),
        ("1: NVIDIA H200", "counter", 5.0),
    ]
    older = Nvml(FakeNvml(nvmlDeviceGetPowerUsage=70_000))
    (one,) = card_sensors(lambda: older)
    assert (one.how, one.read(), one.scope) == ("sampled", 70.0, "card")


def test_cards_that_do_not_tell() -> None:
    def missing() -> Nvml:
        raise NoNvml("NVML does not start: Driver Not Loaded")

    for start, words in (
        (missing, "Driver Not Loaded"),
        (lambda: Nvml(FakeNvml()), "no card tells its power"),
        (lambda: Nvml(FakeNvml(count=0)), "NVML sees no card"),
        (lambda: Nvml(FakeNvml(nvmlDeviceGetPowerUsage="much")), "no card tells its power"),
    ):
        with pytest.raises(Unreadable, match=words):
            card_sensors(start)


def program(folder: Path, text: str) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / "ipmitool"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def test_ipmitool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `ipmitool dcmi power reading` prints, WRITTEN after its manual."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    program(tmp_path, "echo '    Instantaneous power reading:                   412 Watts'")
    assert ipmi_sensor().read() == 412.0
    program(tmp_path, "echo 'Could not open device at /dev/ipmi0' >&2; exit 1")
    with pytest.raises(Unreadable, match="Could not open device at /dev/ipmi0"):
        ipmi_sensor()
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(Unreadable, match="ipmitool is not installed"):
        ipmi_sensor()


@pytest.fixture
def controller() -> Iterator[SimpleNamespace]:
    """A Redfish service (DSP8010) that answers with `body` and notes what it was asked with."""
    state = SimpleNamespace(body=b"{}", asked=[])

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(dict(self.headers))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *arguments: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}/redfish/v1/Chassis/1/Power"
    yield state
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("answer", "watts"),
    [({"PowerControl": [{"PowerConsumedWatts": 344}]}, 344.0), ({"PowerWatts": {"Reading": 87.5}}, 87.5)],
)
def test_redfish(controller: SimpleNamespace, answer: dict[str, object], watts: float) -> None:
    controller.body = json.dumps(answer).encode()
    assert redfish_sensor(controller.url).read() == watts
    assert "Authorization" not in controller.asked[0]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"PowerControl": []}', b'{"PowerControl": [{"PowerConsumedWatts": null}]}', b"\xff"]
)
def test_a_controller_that_tells_nothing(controller: SimpleNamespace, body: bytes) -> None:
    controller.body = body
    with pytest.raises(Unreadable):
        redfish_sensor(controller.url)


def test_a_password_does_not_go_over_an_open_line(controller: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(USER, "admin")
    monkeypatch.setenv(PASSWORD, "secret")
    with pytest.raises(Unreadable, match="a password goes over https only"):
        redfish_sensor(controller.url)
    assert controller.asked == []


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "https://bmc", "bmc/redfish/v1"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(Unreadable, match="is no address such as https://"):
        redfish_sensor(url)
