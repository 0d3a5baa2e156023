"""`bench plot`: pictures of kept runs and of lists, and one clear line for whatever cannot be drawn."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from bench.cli import exit_codes, plot_command
from bench.cli.main import main
from bench.plots.asked import KINDS
from bench.procurement.writing import write
from bench.records.record import Record
from bench.store.runs import RunFolder
from tests.plots.gallery import ROOFED, list_of, of_system, ramps, searched, trial
from tests.report import samples

replace = samples.replace


def kept(results: Path, place: int, records: list[Record], told: bool = True) -> str:
    """The id of a run of these records, kept in `results`."""
    run_id = f"2026010{place + 1}T000000Z-abcd"
    folder = RunFolder(results / "runs" / run_id)
    folder.keep_run(replace(samples.run(records), run_id=run_id, status="complete"))
    for record in records:
        folder.keep_record(replace(record, run_id=run_id))
        folder.trial(record.measurement.name, 0).mkdir(parents=True)
        folder.keep_trial(record.measurement.name, trial(0, told))
    return run_id


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("results")
    both = [of_system(0), of_system(0, samples.record("offline"))]
    kept(place, 0, both)
    kept(place, 1, [of_system(1), of_system(1, samples.record("offline"))])
    kept(place, 2, [ramps()[0], searched(), ROOFED[2]])
    kept(place, 3, [samples.failed()], told=False)
    write(list_of(), place, "en")
    return place


FIRST, SECOND, THIRD, BROKEN = (f"2026010{place}T000000Z-abcd" for place in (1, 2, 3, 4))
STREAM = "image_classify.single_stream.fp32"
GOOD = [
    ["latency", FIRST],
    ["latency", FIRST, SECOND],
    ["course", FIRST],
    ["ramp", THIRD],
    ["search", THIRD],
    ["compare", f"{FIRST}/{STREAM}", f"{SECOND}/{STREAM}"],
    ["compare", f"{FIRST}/{STREAM}", "--metric", "samples_per_s"],
    ["roofline", THIRD],
    ["state", FIRST],
    ["front", FIRST, SECOND],
]
OF_LIST = [["places"], ["pairs"], ["front"], ["budget", "--row", "2"], ["forest"], ["forest", "--row", "2"]]


@pytest.mark.parametrize("arguments", GOOD, ids=" ".join)
def test_a_picture_of_kept_runs(arguments: list[str], results: Path, tmp_path: Path) -> None:
    target = tmp_path / "picture.png"
    assert main(["plot", *arguments, "--to", str(target), "-o", str(results)]) == exit_codes.OK
    picture = Image.open(io.BytesIO(target.read_bytes()))
    assert picture.getpixel((0, 0)) == (255, 255, 255, 255)  # on white, not on nothing
    assert picture.convert("L").getextrema()[0] < 100


@pytest.mark.parametrize("arguments", OF_LIST, ids=" ".join)
def test_a_picture_of_a_list(arguments: list[str], results: Path, tmp_path: Path) -> None:
    target, source = tmp_path / "picture.svg", results / "list.json"
    assert main(["plot", arguments[0], str(source), *arguments[1:], "--to", str(target), "--lang", "zh"]) == 0
    assert ElementTree.fromstring(target.read_bytes()).tag == "{http://www.w3.org/2000/svg}svg"


def test_the_folder_of_a_list_does_as_well(results: Path, tmp_path: Path) -> None:
    assert main(["plot", "budget", str(results), "--to", str(tmp_path / "picture.SVG")]) == 0


BAD = [
    (["latency", FIRST, THIRD], "only one measurement fits into this picture"),
    (["compare", FIRST], f"and these are image_classify.offline.fp32, {STREAM}: name RUN/MEASUREMENT"),
    (["compare", FIRST, "--metric", "nonsense"], "nothing that was named has what `compare` draws"),
    (["ramp", FIRST], "nothing that was named has what `ramp` draws"),
    (["state", BROKEN], "nothing that was named has what `state` draws"),
    (["places", FIRST], "`places` is a picture of a list"),
    (["latency", "none-such"], "There is no record 'none-such'"),
    (["latency", f"{FIRST}/{STREAM}/trial-00"], "one repetition; a picture is of a measurement or of a whole run"),
    (["latense", FIRST], "There is no picture 'latense'. Did you mean 'latency'?"),
    (["latency"], "Missing argument 'RECORD...'"),
]


@pytest.mark.parametrize(("arguments", "line"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_what_cannot_be_drawn(
    arguments: list[str], line: str, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "picture.png"
    assert main(["plot", *arguments, "--to", str(target), "-o", str(results)]) == exit_codes.USAGE
    (said,) = capsys.readouterr().err.splitlines()
    assert line in said
    assert not target.exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["latency", "list.json"], "`latency` is a picture of kept records; of a list there are places, pairs"),
        (["budget", "list.json", "--row", "99"], "the list has no row 99; it has 7"),
        (["places", "broken.json"], "broken.json: "),
        (["places", "empty.json"], "no row of the list was ranked"),
        (["budget", "empty.json"], "no row of the list was ranked"),
        (["budget", "empty.json", "--row", "1"], "the list has no row 1; it has 0"),
        (["front", "empty.json"], "nothing that was named has what `front` draws"),
    ],
)
def test_what_no_list_has(
    arguments: list[str], line: str, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "broken.json").write_text('{"schema": 1}')
    write(list_of(()), tmp_path, "en")
    (tmp_path / "list.json").rename(results / "empty.json")
    source = str(results / arguments[1])
    asked = [arguments[0], source, *arguments[2:]]
    assert main(["plot", *asked, "--to", str(tmp_path / "picture.png")]) == exit_codes.USAGE
    assert line in capsys.readouterr().err


def test_other_formats_are_refused_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", "latency", "none-such", "--to", "picture.pdf"]) == exit_codes.USAGE
    assert "ends in .png or .svg" in capsys.readouterr().err


def test_the_command_knows_every_picture() -> None:
    assert set(plot_command._KINDS) == set(KINDS)
