"""`bench registry` and `bench run --token`: from a token to an accepted submission, and one line for what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from bench.records.effort import EFFORTS

from .things import Command, complaint

HURRIED = {"repetitions": (2,), "duration_s": 0.5, "window_s": 0.05, "window_batches": 1, "first_window_s": 0.1}
WHO = ("--submitter", "Vendor", "--reviewer", "Li")
WHY = ("--reason", "because", "--reviewer", "Li")


def test_a_ledger_is_made_read_and_audited(bench: Command, tmp_path: Path) -> None:
    commit = bench("registry", "init", "reg", "--name", "Lab").out.strip()
    assert bench("registry", "token", "reg", "--to", "Vendor", "-o", "t.json").code == 0
    token = json.loads((tmp_path / "t.json").read_text())
    assert (tmp_path / "t.json").stat().st_mode & 0o777 == 0o600
    assert (token["registry"], token["issued_to"], len(token["nonce"])) == ("Lab", "Vendor", 64)
    for command in (("list", "reg"), ("show", "reg", token["token"])):
        for form in ("table", "json"):
            told = bench("registry", *command, "--format", form)
            assert told.code == 0
            assert token["token"] in told.out
            assert token["nonce"] not in told.out, "nobody's business before it is used"
    assert "entries: 2" in bench("registry", "audit", "reg", "--since", commit).out
    lost = bench("registry", "audit", "reg", "--since", "0" * 40, "--lang", "zh")
    assert (lost.code, "历史被改写" in lost.out) == (11, True)
    planned = bench("run", "--mode", "certified", "--token", "t.json", "--dry-run", "--format", "json")
    plan = json.loads(planned.out)
    assert (plan["nonce"], plan["token"]) == (token["nonce"], token["token"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("registry", "list", "nowhere"), "no registry; `bench registry init`"),
        (("registry", "init", "file", "--name", "x"), "is a file"),
        (("registry", "init", "reg", "--name", " "), "`--name` is a text"),
        (("registry", "show", "reg", "S-000001"), "no registry"),
        (("registry", "token", "reg", "--to", "x", "-o", "file"), "is there already"),
        (("registry", "token", "reg", "--to", "x", "-o", "t", "--journal-head", "ab"), "64 hexadecimal digits"),
        (("registry", "status", "reg", "S-000001", "withdrawn", *WHY), "no registry"),
        (("registry", "add", "reg", "none.tar", "--trusted", "trusted", *WHO), "no such"),
        (("run", "--token", "none.json", "--mode", "certified"), "none.json: cannot be read"),
        (("run", "--token", "file", "--mode", "certified"), "not usable as JSON"),
        (("run", "--token", "old.json", "--mode", "certified"), "was good until 2020-01-01"),
        (("run", "--token", "good.json"), "is for mode `certified`"),
        (("run", "--token", "good.json", "--nonce", "ab" * 16), "does not go with `--nonce`"),
        (("run", "--token", "good.json", "--mode", "certified", "--seed", "3"), "takes the place of `seed`"),
    ],
)
def test_what_cannot_be_done(bench: Command, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    (tmp_path / "file").write_text("not JSON\n")
    plain = {"registry": "Lab", "token": "T-1", "nonce": "ab" * 32, "issued_to": "x"}
    for name, day in (("old", "2020-01-01"), ("good", "2099-01-01")):
        (tmp_path / f"{name}.json").write_text(json.dumps({**plain, "expires_on": day}))
    outcome = bench(*arguments)
    assert outcome.code == 2
    assert words in complaint(outcome)


@pytest.mark.full
def test_from_a_token_to_an_accepted_submission(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EFFORTS, "certified", msgspec.structs.replace(EFFORTS["certified"], **HURRIED))
    monkeypatch.setattr("bench.scoring.busy.TOLERANCE", 0.9)
    monkeypatch.setenv("BENCH_KEY_PASSPHRASE", "correct horse battery")
    assert bench("registry", "init", "reg", "--name", "Lab").code == 0
    head = bench("registry", "journal").out.strip()
    assert bench("registry", "token", "reg", "--to", "Vendor", "-o", "t.json", "--journal-head", head).code == 0
    assert bench("key", "new", "v.pem").code == 0
    trust = ("key", "trust", "v.pem.pub", "--name", "Vendor", "--role", "submitter", "--until", "2099-12-31")
    assert bench(*trust, "-o", "trusted/v.toml").code == 0
    flags = ("--workload", "speech_command", "--scenario", "single_stream")
    assert bench("run", "--mode", "certified", "--token", "t.json", *flags).code in (0, 11)  # 11: a busy machine
    assert bench("pack", "latest", "-o", "run.tar", "--key", "v.pem").code in (0, 11)
    verified = bench("verify", "run.tar", "--trusted", "trusted", "--registry", "reg", "--format", "json")
    verdicts = {item["check"]: item["verdict"] for item in json.loads(verified.out)["items"]}
    assert (verified.code, verdicts["token"], verdicts["journal"]) == (0, "conforms", "conforms")
    entered = bench(
        "registry", "add", "reg", "run.tar", "--trusted", "trusted", *WHO, "--self-test", "--rerun", "again"
    )
    assert (entered.code, "[rerun]" in entered.out) == (0, True)
    assert len(list((tmp_path / "again/runs").iterdir())) == 1
    assert bench("registry", "add", "reg", "run.tar", "--trusted", "trusted", *WHO, "--self-test").code == 11
    appealed = ("registry", "appeal", "open", "reg", "S-000001", "--objector", "Rival", "--objection", "too fast")
    assert bench(*appealed).code == 0
    assert "复核中" in bench("registry", "list", "reg", "--lang", "zh").out
    assert bench("registry", "appeal", "decide", "reg", "A-000001", "dismissed", *WHY).code == 0
    assert "dismissed" in bench("registry", "show", "reg", "S-000001").out, "what was decided about it, too"
    assert bench("registry", "status", "reg", "S-000001", "suspended", *WHY).code == 0
    listed = json.loads(bench("registry", "list", "reg", "--format", "json").out)
    (one,) = listed["submissions"]
    assert (one["status"], one["under_review"], one["entry"]["standing"]) == ("suspended", False, "self-test")
    assert bench("registry", "audit", "reg").code == 0
    # The same nonce again: another run, which the journal tells and the used token forbids.
    assert bench("run", "--mode", "certified", "--token", "t.json", *flags).code in (0, 11)
    assert bench("pack", "latest", "-o", "again.tar", "--key", "v.pem").code in (0, 11)
    again = bench("verify", "again.tar", "--trusted", "trusted", "--registry", "reg", "--format", "json")
    reasons = {(item["check"], item["reason"]) for item in json.loads(again.out)["items"]}
    assert {("token", "token-used"), ("journal", "token-run-twice")} <= reasons
    assert again.code == 11


@pytest.mark.full
def test_a_submission_is_measured_again_where_it_may_be_entered(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a quick run, which is no result: it is measured again for a self-test, and not where it is refused anyway."""
    monkeypatch.setenv("BENCH_KEY_PASSPHRASE", "correct horse battery")
    assert bench("registry", "init", "reg", "--name", "Lab").code == 0
    assert bench("key", "new", "v.pem").code == 0
    trust = ("key", "trust", "v.pem.pub", "--name", "Vendor", "--role", "submitter", "--until", "2099-12-31")
    assert bench(*trust, "-o", "trusted/v.toml").code == 0
    flags = ("--workload", "speech_command", "--scenario", "single_stream", "--backend", "fake")
    assert bench("run", *flags, "--setting", "delay_us=2000").code in (0, 11)
    assert bench("pack", "latest", "-o", "run.tar", "--key", "v.pem").code == 11
    add = ("registry", "add", "reg", "run.tar", "--trusted", "trusted", *WHO, "--rerun", "again")
    refused = bench(*add)
    assert (refused.code, "not admissible" in refused.err) == (11, True)
    assert not (tmp_path / "again").exists(), "nothing was measured for nothing"
    entered = bench(*add, "--self-test")
    assert entered.code == 0, entered
    assert "[rerun]" in entered.out
    (again,) = (tmp_path / "again/runs").iterdir()
    plan = json.loads((again / "run.json").read_text())["plan"]
    assert (plan["backend"], plan["settings"], plan["seed"] > 0) == ("fake", {"delay_us": 2000}, True)
    listed = json.loads(bench("registry", "list", "reg", "--format", "json").out)
    assert [one["entry"]["standing"] for one in listed["submissions"]] == ["self-test"]
    assert "no such folder" in complaint(bench(*add[:4], "--trusted", "nowhere", *WHO, "--rerun", "again"))
