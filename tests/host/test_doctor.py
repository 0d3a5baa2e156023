"""`bench.host.doctor`: each check says what was seen, and advises where it would disturb."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from bench.host import doctor
from bench.host.check import Check
from bench.host.doctor import examine
from bench.records.host import Noise
from bench.text.catalogue import catalogue

from ..fixtures import HOST


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_WATCH_S", 0.0)
    monkeypatch.setattr(doctor, "_WAITS", 5)


def test_every_check_answers_on_this_machine(tmp_path: Path) -> None:
    checks = examine(tmp_path / "results", tmp_path / "cache")
    assert len({check.name for check in checks}) == len(checks)
    assert all(check.seen for check in checks)
    assert all(check.advice for check in checks if check.state == "warning")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_check_has_a_name_in_the_language(tmp_path: Path, lang: str) -> None:
    names = catalogue(lang)
    engines = ("onnxruntime", "torch", "openvino", "pyopencl")
    for check in examine(tmp_path / "results", tmp_path / "cache", lang):
        assert check.name in engines or f"doctor.name.{check.name}" in names


def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    examine(tmp_path / "a" / "results", tmp_path / "b" / "cache")
    assert list(tmp_path.iterdir()) == []


def quiet(monkeypatch: pytest.MonkeyPatch, noise: Noise) -> list[Check]:
    monkeypatch.setattr(doctor, "Watch", lambda: SimpleNamespace(stop=lambda: noise))
    return doctor._quiet("en")


@pytest.mark.parametrize(
    ("foreign", "steal", "states"),
    [
        (0.05, 0.02, ["ok", "ok"]),
        (0.051, 0.021, ["warning", "warning"]),
        (None, None, ["note", "note"]),
    ],
)
def test_a_busy_machine_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, foreign: float | None, steal: float | None, states: list[str]
) -> None:
    checks = quiet(monkeypatch, Noise(seconds=3.0, foreign_cpu_share=foreign, steal_share=steal))
    assert [check.state for check in checks] == states


def test_one_core_is_warned_of() -> None:
    assert doctor._processor(msgspec.structs.replace(HOST, cores_usable=1), "en").state == "warning"
    assert doctor._processor(msgspec.structs.replace(HOST, cores_usable=2), "en").state == "ok"


@pytest.mark.parametrize(("governor", "state"), [(None, "note"), ("performance", "ok"), ("powersave", "warning")])
def test_the_governor_should_be_performance(governor: str | None, state: str) -> None:
    assert doctor._governor(msgspec.structs.replace(HOST, governor=governor), "en").state == state


@pytest.mark.parametrize(("virtual", "state"), [(None, "ok"), ("no", "ok"), ("QEMU", "note")])
def test_a_virtual_machine_is_worth_knowing(virtual: str | None, state: str) -> None:
    assert doctor._virtual(msgspec.structs.replace(HOST, virtualised=virtual), "en").state == state


@pytest.mark.parametrize(("available", "state"), [((2 << 30) - 1, "error"), (2 << 30, "ok")])
def test_too_little_memory_is_an_error(monkeypatch: pytest.MonkeyPatch, available: int, state: str) -> None:
    memory = SimpleNamespace(available=available, total=8 << 30)
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: memory)
    assert doctor._memory("en").state == state


@pytest.mark.parametrize(("free", "state"), [((1 << 30) - 1, "error"), (1 << 30, "ok")])
def test_too_little_room_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: SimpleNamespace(free=free))
    assert doctor._space(tmp_path / "not" / "yet", "en").state == state


def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    check = doctor._writable("results", tmp_path, "`--output`")
    assert check.state == "error"
    assert "No space left" in check.seen


def test_an_engine_that_is_not_installed_is_worth_knowing() -> None:
    assert doctor._engine("no-such-engine", "en") == Check(name="no-such-engine", state="note", seen="not installed")
    assert doctor._engine("onnxruntime", "en").state == "ok"
