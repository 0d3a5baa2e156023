"""`bench.download.fetch`: the file whole and right, or nothing under its name, whatever the server and the disk do."""

from __future__ import annotations

import hashlib
import shutil
import socket
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.download.fetch import Step, fetch
from bench.download.http import DownloadFailed
from bench.download.part import Part
from bench.download.wanted import BadDownload, Wanted
from bench.store.places import CannotWrite

from .site import Answer, Request, Site, cut_after, everything, in_chunks, status, stopped_after, the_rest

# Long where something comes, so that a busy machine is no silent server; short where nothing ever does.
TIMEOUT_S, SILENCE_S = 60.0, 0.2
TRIES = 5


def wanted(site: Site, content: bytes | None = None, path: str = "/folder/model.onnx", **more: str) -> Wanted:
    digest = hashlib.sha256(site.content if content is None else content).hexdigest()
    return Wanted(url=site.url(path), file_name="model.onnx", sha256=digest, **more)


def get(asked: Wanted, target: Path, timeout_s: float = TIMEOUT_S) -> list[Step]:
    """Fetch, without pauses between tries; what was said on the way."""
    steps: list[Step] = []
    assert fetch(asked, target, steps.append, timeout_s, pause_s=0.0)
    return steps


def failure(asked: Wanted, target: Path, timeout_s: float = TIMEOUT_S) -> str:
    with pytest.raises(DownloadFailed) as caught:
        get(asked, target, timeout_s)
    assert "\n" not in str(caught.value)
    assert not target.exists()
    return str(caught.value)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# ------------------------------------------------------------------------------------------------- it comes whole


def test_a_file_comes_and_nothing_else_stays(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "model.onnx"
    steps = get(wanted(site, md5=hashlib.md5(site.content).hexdigest()), target)
    assert target.read_bytes() == site.content
    assert names(target.parent) == ["model.onnx"]
    assert (steps[0].done, steps[-1].done, steps[-1].total) == (0, len(site.content), len(site.content))


def test_a_file_that_is_there_is_not_asked_for(site: Site, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(site.content)
    assert not fetch(wanted(site), tmp_path / "model.onnx", lambda step: None)
    assert site.asked == []


@pytest.mark.parametrize("answer", [in_chunks(), lambda request: until_the_end(request)])
def test_a_file_of_unknown_length(site: Site, tmp_path: Path, answer: Answer) -> None:
    site.script = [answer]
    steps = get(wanted(site), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == site.content
    assert {step.total for step in steps} == {None}


def until_the_end(request: Request) -> None:
    request.head(200)
    request.wfile.write(request.at.content)


def test_an_empty_file_is_a_file(site: Site, tmp_path: Path) -> None:
    site.content = b""
    get(wanted(site), tmp_path / "empty")
    assert (tmp_path / "empty").read_bytes() == b""


# ---------------------------------------------------------------------------------------------------- continuing


@pytest.mark.parametrize("cuts", [[1], [299_999], [1000, 70_000], [0, 5, 0, 100_000]])
def test_a_broken_connection_is_taken_up_where_it_broke(site: Site, tmp_path: Path, cuts: list[int]) -> None:
    site.script = [cut_after(count) for count in cuts]
    steps = get(wanted(site), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == site.content
    assert names(tmp_path) == ["model.onnx"]
    reached = [sum(cuts[:number]) for number in range(len(cuts) + 1)]
    assert site.ranges() == [f"bytes={first}-" if first else None for first in reached]
    assert [step.done for step in steps] == sorted(step.done for step in steps)


def test_a_silent_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.script = [stopped_after(100_000)]
    get(wanted(site), tmp_path / "model.onnx", timeout_s=2.0)
    assert (tmp_path / "model.onnx").read_bytes() == site.content
    assert len(site.asked) >= 2


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_server_is_asked_again(site: Site, tmp_path: Path, code: int) -> None:
    site.script = [status(code), cut_after(10), status(code)]
    get(wanted(site), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == site.content


def test_the_next_call_goes_on_where_the_last_one_gave_up(site: Site, tmp_path: Path) -> None:
    site.script = [cut_after(50_000), *[cut_after(0)] * (TRIES - 1)]
    said = failure(wanted(site), tmp_path / "model.onnx")
    assert "ended after 48.8 KiB of 293 KiB" in said
    assert "48.8 KiB are kept; the same command goes on." in said
    site.asked.clear()
    get(wanted(site), tmp_path / "model.onnx")
    assert site.ranges() == ["bytes=50000-"]
    assert (tmp_path / "model.onnx").read_bytes() == site.content


def test_a_part_that_only_lacked_its_name_is_not_asked_for(site: Site, tmp_path: Path) -> None:
    site.script = [cut_after(50_000), *[status(503)] * (TRIES - 1)]
    failure(wanted(site), tmp_path / "model.onnx")
    (part,) = tmp_path.glob(".*.part")
    part.write_bytes(site.content)
    site.asked.clear()
    get(wanted(site), tmp_path / "model.onnx")
    assert site.asked == []


@pytest.mark.parametrize("server", ["minds If-Range", "minds no If-Range", "minds no range"])
def test_a_file_that_changed_meanwhile_is_not_glued_to_the_old_one(site: Site, tmp_path: Path, server: str) -> None:
    old, new = site.content, bytes(reversed(site.content))

    def change(request: Request) -> None:
        cut_after(100_000)(request)
        site.content, site.tag = new, '"second"'

    rest: dict[str, list[Answer]] = {"minds no If-Range": [the_rest], "minds no range": [everything]}
    site.script = [change, *rest.get(server, [])]
    assert new != old
    get(wanted(site, new), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == new
    assert site.asked[1]["If-Range"] == '"first"'


def test_a_file_that_grew_under_the_same_tag_is_fetched_anew(site: Site, tmp_path: Path) -> None:
    whole = site.content

    def grow(request: Request) -> None:
        cut_after(100)(request)
        site.content = bytes(50) + whole

    site.script = [grow]
    get(wanted(site, bytes(50) + whole), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == bytes(50) + whole


@pytest.mark.parametrize(
    ("tag", "changed", "validator"),
    [
        ('"strong"', None, '"strong"'),
        ('W/"weak"', "Sat, 01 Nov 2025 10:00:00 GMT", "Sat, 01 Nov 2025 10:00:00 GMT"),
        (None, "Sat, 01 Nov 2025 10:00:00 GMT", "Sat, 01 Nov 2025 10:00:00 GMT"),
        ('W/"weak"', None, None),
        ("no quotes", None, None),
        (None, None, None),
    ],
)
def test_only_what_proves_the_same_bytes_lets_a_download_go_on(
    site: Site, tmp_path: Path, tag: str | None, changed: str | None, validator: str | None
) -> None:
    site.tag, site.changed, site.script = tag, changed, [cut_after(100)]
    get(wanted(site), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == site.content
    assert site.asked[1].get("If-Range") == validator
    assert site.ranges()[1] == (None if validator is None else "bytes=100-")


def wrong_place(request: Request) -> None:
    content = request.at.content
    where = f"bytes 0-{len(content) - 1}/{len(content)}"
    request.head(206, Content_Length=len(content), Content_Range=where, **request.about())
    request.wfile.write(content)


@pytest.mark.parametrize("answer", [status(416, Content_Range="bytes */5"), wrong_place])
def test_a_rest_that_cannot_be_had_means_the_whole(site: Site, tmp_path: Path, answer: Answer) -> None:
    site.script = [cut_after(100), answer]
    get(wanted(site), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == site.content
    assert site.ranges() == [None, "bytes=100-", None]


def test_notes_that_cannot_be_read_mean_the_whole(site: Site, tmp_path: Path) -> None:
    site.script = [cut_after(100), *[status(503)] * (TRIES - 1)]
    failure(wanted(site), tmp_path / "model.onnx")
    (notes,) = tmp_path.glob(".*.json")
    notes.write_text('{"validator": "\\r\\nEvil: yes", "total": 1}')
    site.asked.clear()
    get(wanted(site), tmp_path / "model.onnx")
    assert site.ranges() == [None]


def test_parts_of_different_files_do_not_meet(site: Site, tmp_path: Path) -> None:
    site.script = [cut_after(100), *[status(503)] * (TRIES - 1)]
    failure(wanted(site), tmp_path / "model.onnx")
    site.content, site.tag = b"another", '"first"'
    get(wanted(site), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == b"another"


# --------------------------------------------------------------------------------------------- it is not the file


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_another_file_is_not_kept_and_both_sums_are_told(site: Site, tmp_path: Path, kind: str) -> None:
    other = b"what was asked for"
    expected = hashlib.new(kind, other).hexdigest()
    asked = wanted(site, other) if kind == "sha256" else wanted(site, md5=expected)
    said = failure(asked, tmp_path / "model.onnx")
    assert expected in said
    assert hashlib.new(kind, site.content).hexdigest() in said
    assert names(tmp_path) == []


def test_a_part_that_rotted_is_found_and_thrown_away(site: Site, tmp_path: Path) -> None:
    site.script = [cut_after(100_000), *[status(503)] * (TRIES - 1)]
    failure(wanted(site), tmp_path / "model.onnx")
    (part,) = tmp_path.glob(".*.part")
    part.write_bytes(bytes(100_000))
    assert "another file" in failure(wanted(site), tmp_path / "model.onnx")
    get(wanted(site), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == site.content


@pytest.mark.parametrize("answer", [in_chunks(whole=False), cut_after(10)])
def test_a_body_that_is_always_cut_is_told(site: Site, tmp_path: Path, answer: Answer) -> None:
    site.tag, site.script = None, [answer] * TRIES
    said = failure(wanted(site), tmp_path / "model.onnx")
    assert f"({TRIES} tries)" in said
    assert site.url() in said


# ------------------------------------------------------------------------------------------------ it does not come


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (404, "404 Not Found"),
        (401, "401 Unauthorized"),
        (403, "403 Forbidden"),
        (410, "410 Gone"),
        (499, "answered 499"),
    ],
)
def test_a_final_no_is_told_at_once(site: Site, tmp_path: Path, code: int, words: str) -> None:
    site.script = [status(code)] * TRIES
    said = failure(wanted(site), tmp_path / "model.onnx")
    assert said.startswith(f"{site.url()}: ")
    assert words in said
    assert len(site.asked) == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(204), "status 204"),
        (status(206), "status 206"),
        (status(200, Content_Encoding="gzip"), "compressed"),
        (status(302, Location="ftp://127.0.0.1/model.onnx"), "neither http nor https"),
        (status(302, Location="file:///etc/passwd"), "neither http nor https"),
        (status(302, Location="/folder/model.onnx"), "in a circle"),
        (status(302), "(status 302)"),
    ],
)
def test_answers_that_are_no_file(site: Site, tmp_path: Path, answer: Answer, words: str) -> None:
    site.script = [answer] * 20
    assert words in failure(wanted(site), tmp_path / "model.onnx")


def test_redirections_are_followed_and_the_range_with_them(site: Site, tmp_path: Path) -> None:
    there = status(301, Location="/elsewhere")
    site.script = [there, cut_after(1000), there]
    steps = get(wanted(site), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == site.content
    assert site.ranges() == [None, None, "bytes=1000-", "bytes=1000-"]
    assert {step.url for step in steps} == {site.url("/elsewhere")}


def test_a_server_that_says_nothing(site: Site, tmp_path: Path) -> None:
    site.script = [lambda request: request.at.released.wait() and None] * TRIES
    said = failure(wanted(site), tmp_path / "model.onnx", SILENCE_S)
    assert f"nothing came in time ({TRIES} tries)" in said


class Port(NamedTuple):
    url: str
    listening: socket.socket


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Port:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    listening = socket.create_server(("127.0.0.1", 0))
    return Port(f"http://127.0.0.1:{listening.getsockname()[1]}/m", listening)


def test_nobody_listens(port: Port, tmp_path: Path) -> None:
    port.listening.close()
    said = failure(Wanted(url=port.url, file_name="m", sha256="0" * 64), tmp_path / "m")
    assert "cannot be reached: Connection refused" in said
    assert names(tmp_path) == [], "nothing came, so nothing stays"


def test_what_answers_is_no_web_server(port: Port, tmp_path: Path) -> None:
    def greet() -> None:
        for _ in range(TRIES):
            caller, _ = port.listening.accept()
            with caller:
                caller.recv(1000)
                caller.sendall(b"220 mail.example ESMTP \x1b[31m\r\n")

    server = threading.Thread(target=greet)
    server.start()
    said = failure(Wanted(url=port.url, file_name="m", sha256="0" * 64), tmp_path / "m")
    server.join()
    port.listening.close()
    assert "cannot be reached" in said
    assert "\x1b" not in said


def test_a_host_that_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unknown(*arguments: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    asked = Wanted(url="https://no.such.host/m", file_name="m", sha256="0" * 64)
    assert "its host is not known here" in failure(asked, tmp_path / "m")


# --------------------------------------------------------------------------------------------------- the disk


def test_a_disk_without_room_is_told_before_anything_is_written(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    said = failure(wanted(site), tmp_path / "model.onnx")
    assert "293 KiB are still to come" in said
    assert "1000 B free; make room" in said


def test_another_file_under_the_name_stays(site: Site, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_text("mine")
    with pytest.raises(BadDownload, match=r"is there already and is another file \(SHA-256 .*remove it"):
        get(wanted(site), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_text() == "mine"
    assert site.asked == []


def test_targets_that_cannot_be(site: Site, tmp_path: Path) -> None:
    with pytest.raises(BadDownload, match="is no plain file"):
        get(wanted(site), tmp_path)
    with pytest.raises(BadDownload, match="is no plain file"):
        get(wanted(site), Path("/dev/null"))
    with pytest.raises(BadDownload, match="File name too long"):
        get(wanted(site), tmp_path / ("m" * 300))
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match="file: cannot be written to"):
        get(wanted(site), tmp_path / "file" / "model.onnx")
    assert site.asked == []


def test_one_process_at_a_time(site: Site, tmp_path: Path) -> None:
    asked, target = wanted(site), tmp_path / "model.onnx"
    with Part(target, asked.sha256).held():  # the lock is the open file's, not the process's
        with pytest.raises(BadDownload, match="another process is fetching it"):
            get(asked, target)
        get(wanted(site, path="/other", md5=hashlib.md5(site.content).hexdigest()), tmp_path / "folder" / "other")
    get(asked, target)
    assert target.read_bytes() == site.content
