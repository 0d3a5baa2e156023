"""`bench workload new` and `refresh`: a whole package or none, and figures that follow from graph and data."""

from __future__ import annotations

import importlib
import shutil
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from bench.authoring import new as module
from bench.authoring.new import TEMPLATE, default_folder, write_workload
from bench.authoring.refresh import refresh, rewritten
from bench.authoring.subject import BadWorkload
from bench.models.suite import SuiteWorkload

from .conftest import Package, faults


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def refused(name: str, folder: Path) -> str:
    before = contents(folder.parent)
    with pytest.raises(BadWorkload) as caught:
        write_workload(name, folder)
    assert contents(folder.parent) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------------------------------------------------------ new


def test_everything_has_the_new_name(tmp_path: Path) -> None:
    write_workload("surface_defects", tmp_path / "deeper" / "here")
    made = contents(tmp_path / "deeper" / "here")
    assert "bench_workload_surface_defects/workload.toml" in made
    assert not [name for name, content in made.items() if b"bright_corner" in content or b"bright-corner" in content]
    project = tomllib.loads(made["pyproject.toml"].decode())
    assert project["project"]["name"] == "bench-workload-surface-defects"
    assert project["project"]["entry-points"] == {
        "bench.workloads": {"surface_defects": "bench_workload_surface_defects"}
    }
    globs = project["tool"]["setuptools"]["package-data"]["bench_workload_surface_defects"]
    package = tmp_path / "deeper" / "here" / "bench_workload_surface_defects"
    shipped = {file for glob in globs for file in package.glob(glob)} | set(package.glob("*.py"))
    assert shipped == {file for file in package.rglob("*") if file.is_file()}
    assert [entry.name for entry in (tmp_path / "deeper").iterdir()] == ["here"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    write_workload("mine", tmp_path / "here")
    assert (tmp_path / "here" / "pyproject.toml").is_file()


def test_what_tools_leave_in_the_example_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    template = tmp_path / "template"
    shutil.copytree(TEMPLATE, template, ignore=shutil.ignore_patterns("__pycache__"))
    expected = len(contents(template))
    for left in ("build", "x.egg-info", "bench_workload_bright_corner/__pycache__"):
        (template / left).mkdir()
        (template / left / "file.pyc").touch()
    monkeypatch.setattr(module, "TEMPLATE", template)
    write_workload("mine", tmp_path / "here")
    assert len(contents(tmp_path / "here")) == expected


def test_where_it_goes() -> None:
    assert default_folder("my_own") == Path("bench-workload-my-own")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("My-Workload", "Did you mean 'my_workload'?"),
        ("2nd", "a letter first."),
        ("", "cannot name a workload"),
        ("a__b", "Did you mean 'a_b'?"),
        ("a/../b", "Did you mean 'a_b'?"),
        ("检测", "cannot name a workload"),
        ("a" * 41, "at most 40"),
        ("speech_command", "There is a workload 'speech_command' already"),
        ("user_model", "already"),
    ],
)
def test_names_that_cannot_be(tmp_path: Path, name: str, words: str) -> None:
    assert words in refused(name, tmp_path / "here")


def test_places_that_are_taken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    assert "is there already" in refused("mine", tmp_path / "file")
    assert "is there already" in refused("mine", tmp_path / "full")


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_workload("mine", tmp_path / "here")
    assert list(tmp_path.iterdir()) == []


# -------------------------------------------------------------------------------------------------------- refresh


def test_the_example_holds_what_its_own_code_makes(package: Package) -> None:
    """Graph, figures and answers of the template follow from its code; nothing of it was written by hand."""
    before = contents(package.folder)
    sys.path.insert(0, str(package.project))
    (package.folder / "graph.onnx").unlink()
    importlib.import_module(f"{package.folder.name}.build").write_graph(package.folder / "graph.onnx")
    shutil.rmtree(package.folder / "reference")
    done = refresh(str(package.project), lambda count, total: None)
    assert done.changed == ()
    after = contents(package.folder)
    for name in ("graph.onnx", "workload.toml", "reference/outputs.safetensors"):
        assert after[name] == before[name], name
    assert done.value is not None
    assert done.target is not None
    assert done.target == np.floor(done.value * 990) / 1000


def test_figures_and_answers_follow_the_graph(package: Package) -> None:
    package.change_weights(lambda array: np.negative(array, out=array))
    seen: list[tuple[int, int]] = []
    done = refresh(str(package.folder), lambda count, total: seen.append((count, total)))
    assert done.changed == ("model_hash",)
    assert seen[0] == (0, 2400)
    assert done.value is not None
    assert done.value < 0.1, "the darkest quarter is hardly ever the brightest"
    workload = SuiteWorkload(sys.modules[package.folder.name])
    kept = workload.reference()
    assert kept is not None
    assert kept.value == pytest.approx(done.value)
    pictures = workload.evaluation_inputs(np.arange(9))["image"].astype(np.float64)
    by_hand = [-picture[0, 8 * (k // 2) :][:8, 8 * (k % 2) :][:, :8].mean() for picture in pictures for k in range(4)]
    assert kept.outputs["logits"][:9].ravel() == pytest.approx(by_hand, rel=1e-6)
    assert {check: [r.code for r in remarks] for check, remarks in faults(package.verdicts()).items()} == {
        "reference": ["target-above"]
    }


def test_only_the_figures_are_written(package: Package) -> None:
    package.edit("workload.toml", "parameters = 1024", "parameters   =  7  # of which none is trained")
    before = (package.folder / "workload.toml").read_text()
    assert refresh(str(package.folder), lambda count, total: None).changed == ("parameters",)
    after = (package.folder / "workload.toml").read_text()
    assert after == before.replace("=  7  #", "=  1024  #")


def test_a_table_that_is_written_otherwise_is_left_to_its_author(package: Package) -> None:
    text = (package.folder / "workload.toml").read_text()
    start, end = text.index("[model]"), text.index("# Shapes without")
    entries = [line for line in text[start:end].splitlines()[1:] if line]
    inline = "model = { " + ", ".join(entries).replace("parameters = 1024", "parameters = 5") + " }\n"
    first_table = text.index("# `bench workload refresh`")
    (package.folder / "workload.toml").write_text(text[:first_table] + inline + text[end:])
    with pytest.raises(BadWorkload, match=r"write this under \[model\] yourself: parameters = 1024$"):
        refresh(str(package.folder), lambda count, total: None)


def test_entries_of_other_tables_stay() -> None:
    text = "[load]\nopset = 1\n[model] # here\nopset=2\n[[inputs]]\nopset = 3\n"
    assert rewritten(text, {"opset": 17}) == text.replace("opset=2", "opset=17")


def test_what_cannot_be_brought_up_to_date_is_one_line(package: Package, tmp_path: Path) -> None:
    package.add("data.py", "def evaluation_inputs(i):\n    raise OSError('no\\ndisk')")
    with pytest.raises((BadWorkload, OSError), match="no"):
        refresh(str(package.folder), lambda count, total: None)
    (package.folder / "graph.onnx").write_bytes(b"junk")
    with pytest.raises(BadWorkload, match="cannot be brought up to date: DecodeError"):
        refresh(str(package.folder), lambda count, total: None)
