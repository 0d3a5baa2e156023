"""`bench run --device A --device B`: one schedule, every device in the record, a wrong one does not hide."""

from __future__ import annotations

from pathlib import Path

import pytest

from .things import NAME, Command, codes, complaint, document, only_run

FLAGS = ("--backend", "fake", "--format", "json", "--device", "card:0", "--device", "card:1")


def record_of(folder: Path, scenario: str) -> dict[str, object]:
    return document(only_run(folder / "results") / NAME.format(scenario) / "record.json")


def test_all_devices_are_in_the_record_with_their_shares(bench: Command, model: Path, tmp_path: Path) -> None:
    slow = ("--setting", "delay_us=500", "--setting", "card:1.delay_us=5000")
    scenarios = ("--scenario", "offline", "--scenario", "single_stream")
    outcome = bench("run", *FLAGS, *slow, *scenarios, "--workers", "2", "--model", model)
    assert outcome.code == 0, outcome
    offline = record_of(tmp_path, "offline")
    assert offline["device"]["index"] == 0  # type: ignore[index]
    (other,) = offline["more_devices"]  # type: ignore[misc]
    assert (other["device"]["kind"], other["device"]["index"]) == ("card", 1)
    assert other["facts"]["applied"]["card:1.delay_us"] == 5000
    first, second = offline["device_shares"]  # type: ignore[misc]
    assert first > second > 0, "ten times as slow"
    assert first + second == pytest.approx(1.0)
    assert offline["measurement"]["devices"] == 2  # type: ignore[index]
    alone = record_of(tmp_path, "single_stream")
    assert alone["more_devices"] == alone["device_shares"] == []
    assert alone["measurement"]["devices"] == 1  # type: ignore[index]
    shown = bench("show", f"latest/{NAME.format('offline')}", "--lang", "zh")
    assert "card:0）：" in shown.out or "(card:0)：" in shown.out


@pytest.mark.parametrize("scenario", ["offline", "multi_stream", "server"])
@pytest.mark.parametrize("device", ["card:0", "card:1"])
def test_a_wrong_device_does_not_hide_behind_a_right_one(
    bench: Command, model: Path, tmp_path: Path, scenario: str, device: str
) -> None:
    flags = ("--setting", "per_sample_us=200", "--setting", f"{device}.answers=wrong")
    load = ("--rate", "2000", "--latency-bound-ms", "200") if scenario == "server" else ()
    outcome = bench("run", *FLAGS, *flags, "--scenario", scenario, *load, "--model", model)
    assert outcome.code == 11
    assert "output-mismatch" in codes(only_run(tmp_path / "results") / NAME.format(scenario) / "record.json")


def test_devices_in_different_precisions_make_no_figure(bench: Command, model: Path, tmp_path: Path) -> None:
    outcome = bench("run", *FLAGS, "--setting", "card:1.precision=bf16", "--scenario", "offline", "--model", model)
    assert outcome.code == 11
    assert "engine-differs" in codes(only_run(tmp_path / "results") / NAME.format("offline") / "record.json")


@pytest.mark.parametrize(
    ("devices", "cause"),
    [
        (("card", "card"), "a plan names each device once; this one has card, card"),
        (("card", "card:0"), "`--device card:0` and `--device card` are the same device (card:0)"),
        (("card", "card:7"), "no device 'card:7'. Did you mean"),
        (("cpu", ""), "no device ''"),
    ],
)
def test_wrong_devices_are_refused_before_anything_is_measured(
    bench: Command, model: Path, tmp_path: Path, devices: tuple[str, str], cause: str
) -> None:
    flags = [flag for device in devices for flag in ("--device", device)]
    outcome = bench("run", "--backend", "fake", *flags, "--scenario", "single_stream", "--model", model)
    assert outcome.code == 2
    assert cause in complaint(outcome)
    assert list(tmp_path.glob("results/runs/*")) == []


def test_cores_are_shared_among_all_sessions(bench: Command, model: Path) -> None:
    from bench.host.inventory import inspect_host

    outcome = bench(
        "run", *FLAGS[:2], *FLAGS[4:], "--workers", "3", "--scenario", "offline", "--dry-run", "--model", model
    )
    assert f"× {max(1, inspect_host().cores_usable // 6)} threads" in outcome.out


def test_a_plan_with_several_devices_comes_back(bench: Command, model: Path, tmp_path: Path) -> None:
    printed = bench("run", *FLAGS, "--scenario", "offline", "--dry-run", "--model", model).out
    (tmp_path / "plan.json").write_text(printed)
    outcome = bench("run", "--plan", "plan.json", "--format", "json")
    assert outcome.code == 0, outcome
    assert len(record_of(tmp_path, "offline")["device_shares"]) == 2  # type: ignore[arg-type]
