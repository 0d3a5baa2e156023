"""Profiles: those that ship, their text, what differs, what a machine contradicts, and what is left out of a record."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.hardware.agreement import contradictions, hardware, together
from bench.hardware.checking import faults
from bench.hardware.profiles import (
    BadProfile,
    differences,
    flat,
    load_profile,
    profile_file,
    profile_hash,
    profile_names,
    redacted,
)
from bench.hardware.toml import as_toml
from bench.plugins import plugin_names
from bench.records.profile import Accelerator, Cpu, Memory, Meter, Peak, Power, Price, Profile, Serials, Use
from bench.records.untrusted import BadFile, read_toml

# Named in a profile before it is built here.
BACKENDS = [*plugin_names("bench.backends"), "opencl"]
ASKED_FOR = {"generic-x86-server", "generic-arm-server", "nvidia-h200", "nvidia-a100", "nvidia-l4", "nvidia-t4"} | {
    "opencl-cpu-pocl",
    "xilinx-alveo-u250",
    "intel-stratix-10",
    "ascend-atlas-300i-pro",
}
BARE = Profile(name="a", vendor="v", model="m", machine_class="cpu_server")
H200 = Accelerator(kind="gpu", vendor="NVIDIA", model="NVIDIA H200", count=8, memory_bytes=141 << 30, power_limit_w=700)


def with_cards(*cards: Accelerator) -> Profile:
    return msgspec.structs.replace(BARE, accelerators=cards)


def test_what_was_asked_for_ships() -> None:
    assert set(profile_names()) >= ASKED_FOR
    assert profile_names() == sorted(profile_names())


@pytest.mark.parametrize("name", sorted(ASKED_FOR))
def test_a_shipped_profile_is_sound_and_says_where_its_facts_come_from(name: str) -> None:
    profile, text = load_profile(name), profile_file(name).read_text()
    assert faults(profile, BACKENDS) == ()
    assert profile.serials == Serials()
    assert profile.price is None, "a price is the seller's to state"
    assert profile.use is not None
    figures = any(card.peaks or card.memory_bytes for card in profile.accelerators)
    assert not figures or re.search(r"^# Source of all figures", text, re.MULTILINE)
    assert profile.tested or (profile.note or "").startswith("Not tested here")


def test_a_written_profile_reads_back_the_same(tmp_path: Path) -> None:
    for name in profile_names():
        profile = load_profile(name)
        (tmp_path / f"{name}.toml").write_text(as_toml(profile, "a comment\nof two lines"))
        assert read_toml(tmp_path / f"{name}.toml", Profile) == profile


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(model=TEXT, note=TEXT, unknown=st.dictionaries(TEXT, TEXT, max_size=3), rate=st.floats(1e-3, 1e20))
def test_whatever_stands_in_a_profile_it_reads_back_the_same(
    model: str, note: str, unknown: dict[str, str], rate: float
) -> None:
    memory = Memory(bytes=1 << 40, transfers_per_s=rate)
    use = Use(backend=model, devices=(note, "cpu"), settings={"a b": True, "c": 1, "d": 0.5, note or "e": model})
    card = Accelerator(model=model, peaks=(Peak(precision="fp16", ops_per_s=rate, source=note, interval=(1.0, rate)),))
    profile = msgspec.structs.replace(
        BARE, model=model, note=note, unknown=unknown, memory=memory, use=use, accelerators=(card, card)
    )
    assert msgspec.convert(tomllib.loads(as_toml(profile)), Profile) == profile


def test_an_unknown_field_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(as_toml(BARE) + "\n[memory]\nchanels = 8\n")
    with pytest.raises(BadFile, match=r"unknown field `chanels` - at `\$\.memory`\. Did you mean `channels`\?"):
        load_profile(str(file))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('class = "mainframe"', "Invalid enum value 'mainframe'"),
        ('vendor = "v"', "missing required field `name`"),
        ("[cpu]\ncores = 0", "Expected `int` >= 1"),
        ("[[accelerators]]\npower_limit_w = -5", "Expected `float` > 0.0"),
        ("[cpu]\ncores = 1e400", "not usable as TOML"),
    ],
)
def test_facts_that_cannot_be_are_refused(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "mine.toml"
    top = 'name = "a"\nvendor = "v"\nmodel = "m"\nclass = "cpu_server"\n'
    file.write_text(line if line.startswith(("class", "vendor")) else top + line)
    with pytest.raises(BadFile, match=re.escape(words)):
        load_profile(str(file))


def test_profiles_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadProfile, match=r"no profile 'nvidia-h20'\. Did you mean 'nvidia-h200'\?"):
        load_profile("nvidia-h20")
    with pytest.raises(BadProfile, match=r"There is no file .*none\.toml; `bench profile detect -o"):
        load_profile(str(tmp_path / "none.toml"))


def test_differences_are_named_by_path() -> None:
    other = msgspec.structs.replace(BARE, cpu=Cpu(cores=8, isa=("avx2", "fma")), accelerators=(H200,))
    found = {entry.path: (entry.first, entry.second) for entry in differences(BARE, other)}
    assert found["cpu.cores"] == (None, "8")
    assert found["cpu.isa"] == (None, "avx2, fma")
    assert found["accelerators[0].model"] == (None, "NVIDIA H200")
    assert differences(other, other) == []
    assert "name" in flat(BARE)


def test_a_machine_contradicts_what_it_shows_otherwise() -> None:
    typed = msgspec.structs.replace(BARE, cpu=Cpu(model="EPYC 9654", sockets=2, isa=("avx2",), frequency_max_mhz=3700))
    agreeing = msgspec.structs.replace(
        BARE,
        cpu=Cpu(model="AMD EPYC 9654 96-Core Processor", sockets=2, isa=("avx2", "fma"), frequency_max_mhz=3707.8),
        memory=Memory(bytes=1),
    )
    assert contradictions(typed, agreeing) == ()
    other = msgspec.structs.replace(
        BARE, cpu=Cpu(model="AMD EPYC 9554", sockets=1, isa=("fma",), frequency_max_mhz=3000)
    )
    found = {entry.path: (entry.typed, entry.detected) for entry in contradictions(typed, other)}
    assert found == {
        "cpu.model": ("EPYC 9654", "AMD EPYC 9554"),
        "cpu.sockets": ("2", "1"),
        "cpu.isa": ("avx2", "fma"),
        "cpu.frequency_max_mhz": ("3700.0" if isinstance(typed.cpu.frequency_max_mhz, float) else "3700", "3000"),
    }


@pytest.mark.parametrize(
    ("typed_gib", "seen_bytes", "agrees"),
    [(141, 150_754_820_096, True), (16, 15_843_721_216, True), (80, 85_520_809_984, True), (80, 42 << 30, False)],
)
def test_memory_is_as_much_as_drivers_leave_of_it(typed_gib: int, seen_bytes: int, agrees: bool) -> None:
    typed = with_cards(Accelerator(model="X", memory_bytes=typed_gib << 30))
    seen = with_cards(Accelerator(model="X", memory_bytes=seen_bytes))
    assert (contradictions(typed, seen) == ()) is agrees


def test_cards_are_held_against_the_one_of_their_name() -> None:
    lowered = msgspec.structs.replace(H200, count=4, power_limit_w=500.0, ecc=False)
    found = {entry.path: entry.detected for entry in contradictions(with_cards(H200), with_cards(lowered))}
    assert found == {"accelerators[0].count": "4", "accelerators[0].power_limit_w": "500.0"}
    (other,) = contradictions(with_cards(H200), with_cards(msgspec.structs.replace(lowered, model="NVIDIA A100")))
    assert (other.path, other.detected) == ("accelerators[0].model", "4 × NVIDIA A100")
    assert contradictions(with_cards(H200), BARE) == (), "where no cards can be seen nothing speaks against one"
    nameless = Accelerator(model=None, count=2)
    assert len(contradictions(with_cards(H200), with_cards(nameless))) == 1


def test_detected_facts_override_typed_ones_and_typed_ones_fill_up() -> None:
    peak = Peak(precision="fp16", ops_per_s=1e15, source="page")
    typed = msgspec.structs.replace(
        BARE,
        cpu=Cpu(sockets=2, cores=64, peaks=(peak,)),
        accelerators=(msgspec.structs.replace(H200, peaks=(peak,)),),
        origin=msgspec.structs.replace(BARE.origin, cpu="declared"),
    )
    seen = msgspec.structs.replace(
        BARE,
        name="this-host",
        cpu=Cpu(sockets=1),
        accelerators=(msgspec.structs.replace(H200, power_limit_w=500.0, driver="550"),),
    )
    both = together(seen, typed)
    assert (both.name, both.cpu.sockets, both.cpu.cores, both.origin.cpu) == ("a", 1, 64, "declared")
    assert both.cpu.peaks == (peak,)
    (card,) = both.accelerators
    assert (card.power_limit_w, card.driver, card.peaks) == (500.0, "550", (peak,))
    assert together(BARE, typed).accelerators == typed.accelerators


def test_no_record_holds_a_serial_number() -> None:
    secret = msgspec.structs.replace(
        BARE,
        serials=Serials(system="SECRET", board="SECRET", accelerators=("SECRET",)),
        power=Power(source="meter", meter=Meter(model="WT310", serial="SECRET")),
    )
    assert "SECRET" in as_toml(secret)
    for kept in (redacted(secret), hardware(secret, None, None, None), hardware(secret, secret, "a", "0")):
        assert b"SECRET" not in msgspec.json.encode(kept)


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"use": Use(backend="nothing")}, "no-backend", "use.backend"),
        ({"use": Use(backend="fake", devices=())}, "no-device", "use.devices"),
        ({"cpu": Cpu(peaks=(Peak(precision="fp33", ops_per_s=1, source="x"),))}, "no-precision", "cpu.peaks[0]"),
        ({"cpu": Cpu(peaks=(Peak(precision="fp32", ops_per_s=1, source=" "),))}, "no-source", "cpu.peaks[0]"),
        ({"cpu": Cpu(peaks=(Peak(precision="fp32", ops_per_s=1, source="x"),) * 2)}, "twice", "cpu.peaks"),
        ({"cpu": Cpu(cores=1, sockets=2)}, "fewer-cores", "cpu.cores"),
        ({"cpu": Cpu(cores=4, threads=2)}, "fewer-threads", "cpu.threads"),
        ({"machine_class": "gpu_server"}, "no-card", "class"),
        ({"memory": Memory(bandwidth_bytes_per_s=1e9)}, "no-source", "memory.bandwidth_source"),
        ({"accelerators": (Accelerator(bandwidth_bytes_per_s=1),)}, "no-source", "accelerators[0].bandwidth_source"),
        ({"power": Power(limit_w=5)}, "no-source", "power.limit_source"),
        ({"power": Power(meter=Meter(model="x", calibrated="last year"))}, "no-date", "power.meter.calibrated"),
        ({"price": Price(amount=1, currency="CNY", date="2026-13-01", source="x")}, "no-date", "price.date"),
    ],
)
def test_what_is_wrong_with_a_profile_is_told(changes: dict[str, object], code: str, path: str) -> None:
    assert faults(BARE, BACKENDS) == ()
    (fault,) = faults(msgspec.structs.replace(BARE, **changes), BACKENDS)
    assert (fault.code, fault.path) == (code, path)


def test_a_hash_is_of_the_files_bytes(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(as_toml(BARE))
    first = profile_hash(str(file))
    file.write_text(as_toml(BARE, "another comment"))
    assert first != profile_hash(str(file))
    assert len(first) == 64
