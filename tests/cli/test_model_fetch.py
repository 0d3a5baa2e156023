"""`bench model fetch`: the path on stdout, all else on stderr, and the documented exit codes."""

from __future__ import annotations

import hashlib
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.download.wanted import known_models

from ..download.site import Site, cut_after, status, stopped_after
from .things import BENCH, TIMEOUT_S, Command, finish, start, surroundings


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Site(b"weights " * 40_000) as one:
        yield one


def sum_of(site: Site) -> str:
    return hashlib.sha256(site.content).hexdigest()


def error(text: str) -> str:
    (line,) = (line for line in text.splitlines() if line.startswith("Error: "))
    assert "Traceback" not in text
    return line


def test_into_the_cache_and_out_again(bench: Command, site: Site, tmp_path: Path) -> None:
    fetched = bench("model", "fetch", site.url(), "--sha256", sum_of(site))
    path = Path(fetched.out.rstrip("\n"))
    assert fetched.code == 0
    assert path.is_relative_to(tmp_path / "cache" / "models")
    assert path.name == "model.onnx"
    assert path.read_bytes() == site.content
    assert "without encryption" in fetched.err
    assert f"{site.url()}: 312 KiB to fetch" in fetched.err

    again = bench("model", "fetch", site.url(), "--sha256", sum_of(site))
    assert (again.code, again.out) == (0, fetched.out)
    assert "here already" in again.err
    assert len(site.asked) == 1

    assert "models: 0.3 MiB" in bench("cache", "info").out
    assert bench("cache", "clean").code == 0
    assert not path.exists()


def test_to_a_file_of_ones_own_in_chinese(bench: Command, site: Site, tmp_path: Path) -> None:
    site.script = [cut_after(1000)]
    outcome = bench("model", "fetch", site.url("/"), "--sha256", sum_of(site), "-o", "here/m.onnx", "--lang", "zh")
    assert outcome.code == 0
    assert outcome.out == f"{tmp_path / 'here' / 'm.onnx'}\n"
    assert "与要求一致" in outcome.err
    assert sorted(entry.name for entry in (tmp_path / "here").iterdir()) == ["m.onnx"]


def test_a_name_without_a_published_sum(bench: Command, tmp_path: Path) -> None:
    outcome = bench("model", "fetch", "mlperf-resnet50")
    assert (outcome.code, outcome.out) == (2, "")
    assert "No SHA-256 of mlperf-resnet50 is published" in error(outcome.err)
    assert list(tmp_path.iterdir()) == []


def test_names_are_listed(bench: Command) -> None:
    assert bench("list", "model").out.split() == ["mlperf-resnet50", "mlperf-retinanet"]
    told = bench("model", "list", "--lang", "zh").out
    for model in known_models().values():
        assert f"{model.title['zh']}\n  {model.url}\n  未公布 SHA-256" in told
        assert f"MD5 {model.md5}" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mlperf-resnet5"], "Did you mean"),
        (["https://host/m"], "--sha256"),
        (["https://host/m", "--sha256", "abc"], "is not a SHA-256"),
        (["ftp://host/m", "--sha256", "0" * 64], "only http and https"),
        (["https://host/", "--sha256", "0" * 64], "name it with `-o`"),
        (["https://host/m", "--sha256", "0" * 64, "-o", "."], "is no plain file"),
        (["https://host/m", "--sha256", "0" * 64, "-o", "/proc/x/m"], "cannot be written to"),
        (["https://host/m", "--sha256", "0" * 64, "--timeout-s", "0"], "--timeout-s"),
        ([], "NAME|URL"),
    ],
)
def test_wrong_words_are_usage_errors(bench: Command, tmp_path: Path, arguments: list[str], words: str) -> None:
    outcome = bench("model", "fetch", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert words in error(outcome.err)
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_come_is_a_failure(bench: Command, site: Site) -> None:
    site.script = [status(404)]
    outcome = bench("model", "fetch", site.url(), "--sha256", "0" * 64)
    assert (outcome.code, outcome.out) == (11, "")
    assert "404 Not Found" in error(outcome.err)

    outcome = bench("model", "fetch", site.url(), "--sha256", "0" * 64)
    assert (outcome.code, outcome.out) == (11, "")
    assert sum_of(site) in error(outcome.err)
    assert "0" * 64 in error(outcome.err)


def test_a_disk_that_fills_up(site: Site, tmp_path: Path) -> None:
    """A limit on the size of files is the system's own, and fails in the same place."""
    command = [str(BENCH), "model", "fetch", site.url(), "--sha256", sum_of(site), "-o", "m.onnx"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=surroundings(tmp_path),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (11, "")
    assert "m.onnx: cannot be written: File too large" in error(done.stderr)
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 13)])
def test_a_download_that_was_killed_goes_on(site: Site, tmp_path: Path, number: signal.Signals, code: int) -> None:
    arguments = ("model", "fetch", site.url(), "--sha256", sum_of(site), "-o", "m.onnx")
    site.script = [stopped_after(200_000)]
    first = start(tmp_path, *arguments, hurried=False)
    waited_until = time.monotonic() + TIMEOUT_S
    while not [part for part in tmp_path.glob(".*.part") if part.stat().st_size == 200_000]:
        assert first.poll() is None
        assert time.monotonic() < waited_until, "the part never grew"
        time.sleep(0.01)
    assert not (tmp_path / "m.onnx").exists()
    first.send_signal(number)
    outcome = finish(first)
    assert (outcome.code, outcome.out) == (code, "")

    second = finish(start(tmp_path, *arguments, hurried=False))
    assert second.code == 0, second
    assert site.ranges() == [None, "bytes=200000-"]
    assert "195 KiB of them here from before" in second.err
    assert (tmp_path / "m.onnx").read_bytes() == site.content
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_a_bar_on_a_terminal(site: Site, tmp_path: Path) -> None:
    script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    command = [sys.executable, "-c", script, str(BENCH), "model", "fetch", site.url(), "--sha256", sum_of(site)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=surroundings(tmp_path, TERM="xterm"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done
    assert "━" in done.stdout
    assert done.stdout.rstrip().endswith("model.onnx")
