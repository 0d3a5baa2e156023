"""What a report says of the machine: hardware, energy, state and roofline, in both languages."""

from __future__ import annotations

import msgspec
import pytest

from bench.records.energy import Energy, EnergySource
from bench.records.profile import Accelerator, Container, Cpu, Hardware, Memory, Origin, Price, Profile
from bench.records.roofline import Roofline, Utilisation
from bench.records.state import Course, State
from bench.report.energy import energy_section
from bench.report.hardware import hardware_section
from bench.report.roofline import roofline_section
from bench.report.state import state_section

LANGUAGES = ("en", "zh")
HOSTILE = "\x1b[2J<b>{x}"
CARD = Accelerator(model=f"NVIDIA H200{HOSTILE}", count=8, memory_bytes=141 << 30, power_limit_w=700, ecc=True)
FACTS = Profile(
    name="mine",
    vendor="v",
    model="m",
    machine_class="gpu_server",
    cpu=Cpu(sockets=2, cores=64, isa=("avx2", "amx_int8")),
    memory=Memory(bytes=1 << 40, modules=16, type="DDR5", transfers_per_s=4.8e9),
    accelerators=(
        Accelerator(model=f"NVIDIA H200{HOSTILE}", count=8, memory_bytes=141 << 30, power_limit_w=700, ecc=True),
    ),
    container=Container(kind="docker", cpu_quota=1.5, memory_limit_bytes=1 << 31),
    origin=Origin(cpu="declared here"),
    price=Price(amount=1234.5, currency="CNY", date="2026-01-01", source="an offer"),
    unknown={"memory.channels": "why"},
)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hardware(lang: str) -> None:
    shown = [value for _, value in hardware_section(Hardware(facts=FACTS, profile="mine"), lang).lines]
    assert "2 / 64 / —" in shown
    assert "1.00 TiB 16 × DDR5 4800 MT/s" in shown
    assert "docker, 1.5 CPU, 2.00 GiB" in shown
    (card,) = [value for value in shown if "H200" in value]
    assert card.startswith("8 × NVIDIA H200")
    assert "\x1b" not in card
    assert any("declared here" in value and ("not scored" in value or "不计分" in value) for value in shown)
    assert any("1,234.50 CNY" in value for value in shown)
    assert any("memory.channels" in value for value in shown)
    assert hardware_section(None, lang).lines == ()


def source(**changes: object) -> EnergySource:
    plain = EnergySource(
        source="rapl", name=f"package-0{HOSTILE}", scope="processor", how="counter", joules=480.0, error_j=2.4
    )
    return msgspec.structs.replace(plain, idle_before_w=20.0, **changes)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_energy(lang: str) -> None:
    energy = Energy(window_s=8.0, samples=10, sources=(source(),), unread={"nvml": HOSTILE}, reading_share=0.001)
    lines = energy_section(energy, lang).lines
    assert "480 J ± 2.40 J" in lines[0][1].replace("8.00 s 内 ", "")
    assert "60 W" in lines[0][1]
    assert "20 W / —" in lines[0][1]
    assert all("\x1b" not in text for line in lines for text in line)
    uncovered = energy_section(Energy(window_s=8.0, samples=10, sources=(source(joules=None, error_j=None),)), lang)
    nothing = energy_section(None, lang)
    for shown in (uncovered, nothing):
        assert shown.lines[0][1].startswith({"en": "not measured", "zh": "未测量"}[lang])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_state(lang: str) -> None:
    state = State(
        before={"governor": "powersave", "temperature_c": 40.0, HOSTILE: "x"},
        after={"governor": "performance", "temperature_c": 40.0},
        during={"temperature_c": Course(least=40.0, mean=50.5, most=61.0, readings=9)},
        unread={"smt": "why"},
        tuned=("governor: powersave → performance",),
    )
    values = [value for _, value in state_section(state, lang).lines]
    assert values[0] == "powersave → performance"
    assert all(figure in values[1] for figure in ("40", "50.5", "61"))
    assert "governor: powersave → performance" in values
    assert all("\x1b" not in text for line in state_section(state, lang).lines for text in line)
    assert state_section(None, lang).lines == ()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_roofline(lang: str) -> None:
    found = Roofline(
        ops_per_sample=8_000_000_000,
        bytes_per_sample=4e6,
        achieved_ops_per_s=2e11,
        peaks=(Utilisation(ops_per_s=1e12, source="a page", share=0.2),),
        bandwidth_bytes_per_s=1e10,
        limit_ops_per_s=1e12,
        limited_by="arithmetic",
    )
    values = [value for _, value in roofline_section(found, lang).lines]
    assert values[0] == "200 GOP/s"
    assert "2e+03" in values[1]
    assert "20.0 %" in values[2]
    assert "1.00 TOP/s" in values[3]
    bare = roofline_section(msgspec.structs.replace(found, peaks=(), limit_ops_per_s=None), lang)
    assert "bench profile peaks" in bare.lines[-1][1]
    assert roofline_section(None, lang).lines == ()
