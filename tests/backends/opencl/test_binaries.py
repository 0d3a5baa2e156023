"""Programs from files: nothing is compiled, and what is not for this device or model is refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.backends.base import EngineError, Model, Unsupported
from bench.backends.opencl import multiplying
from bench.backends.opencl.backend import BACKEND
from bench.backends.opencl.binaries import MANIFEST, Manifest, read_manifest
from bench.backends.opencl.building import build
from bench.backends.opencl.device import Found
from bench.backends.opencl.tracing import trace
from bench.tasks.base import ERROR_CLASS

from .. import seam


@pytest.fixture
def programs(found: Found, tmp_path: Path) -> tuple[Model, seam.Named, Path]:
    model, inputs = seam.tiny(tmp_path)
    folder = tmp_path / "programs"
    made = build(model, found, seam.options(), (1, 4), folder)
    assert made.kernels == len(read_manifest(folder).programs[0].kernels)
    assert made.nbytes > 0
    return model, inputs, folder


def test_a_run_from_binaries_compiles_nothing(
    found: Found, programs: tuple[Model, seam.Named, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyopencl

    model, inputs, folder = programs
    found = msgspec.structs.replace(found)
    real = pyopencl.Program

    def only_binaries(context: object, *rest: object) -> object:
        assert len(rest) == 2, "a program from source"
        return real(context, *rest)  # type: ignore[call-overload]

    BACKEND.devices()  # trying the compiler is part of finding devices, once a process
    monkeypatch.setattr(pyopencl, "Program", only_binaries)
    settings: dict[str, object] = {"programs": str(folder)}
    facts, answers = seam.answers(BACKEND, model, inputs, (4, 1, 4), device=found.device, settings=settings)  # type: ignore[arg-type]
    expected = seam.reference(model, inputs)
    assert seam.worst_error(answers, {name: one[:9] for name, one in expected.items()}) <= ERROR_CLASS["fp32"]
    assert facts.applied["programs"] == "binary"


def test_programs_of_whole_numbers_are_not_tried_again(
    found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How the device multiplies was found out when they were built, and stands in the manifest."""
    import pyopencl

    model, inputs = seam.quantised(tmp_path)
    build(model, found, seam.options("int8"), (4,), tmp_path / "programs")
    settings: dict[str, object] = {"programs": str(tmp_path / "programs")}
    multiplying._way.cache_clear()
    real = pyopencl.Program
    monkeypatch.setattr(pyopencl, "Program", lambda context, devices, files: real(context, devices, files))
    facts, answers = seam.answers(BACKEND, model, inputs, precision="int8", device=found.device, settings=settings)  # type: ignore[arg-type]
    assert (facts.precision_executed, facts.applied["programs"]) == ("int8", "binary")
    monkeypatch.undo()
    _, compiled = seam.answers(BACKEND, model, inputs, precision="int8", device=found.device)
    assert (answers["y"] == compiled["y"]).all()
    assert "lack" in refusal(found, model, tmp_path / "programs", settings={"integers": False})
    changed(tmp_path / "programs", madd="vpmadd")
    assert "of a form that this version does not know" in refusal(found, model, tmp_path / "programs")


def refusal(found: Found, model: Model, folder: Path, batch: int = 4, settings: dict[str, bool] | None = None) -> str:
    asked = {"programs": str(folder), **(settings or {})}
    with pytest.raises(EngineError) as caught:
        BACKEND.compile(model, found.device, seam.options(max_batch=batch, settings=asked))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def changed(folder: Path, **fields: object) -> None:
    manifest = msgspec.structs.replace(read_manifest(folder), **fields)
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))


def test_what_is_not_for_this_run_is_refused(found: Found, programs: tuple[Model, seam.Named, Path]) -> None:
    model, _, folder = programs
    assert "lack" in refusal(found, model, folder, batch=2), "a batch that nothing was built for"
    manifest = read_manifest(folder)
    (entry,) = manifest.programs
    content = (folder / entry.file).read_bytes()
    (folder / entry.file).write_bytes(content[:-1] + b"?")
    assert "its SHA-256 differs" in refusal(found, model, folder)
    (folder / entry.file).unlink()
    assert "No such file" in refusal(found, model, folder)
    changed(folder, driver="0.1")
    assert "were built for" in refusal(found, model, folder)
    changed(folder, programs=(msgspec.structs.replace(entry, file="../x.bin"),))
    assert "names files elsewhere" in refusal(found, model, folder)
    (folder / MANIFEST).write_text("{}")
    assert "is no manifest of programs: Object missing required field" in refusal(found, model, folder)
    assert "`bench opencl build` writes such a folder" in refusal(found, model, folder / "nowhere")


def test_a_binary_of_another_make_is_refused(found: Found, programs: tuple[Model, seam.Named, Path]) -> None:
    import hashlib

    model, _, folder = programs
    (entry,) = read_manifest(folder).programs
    garbage = b"\x7fELF" + bytes(100)
    (folder / entry.file).write_bytes(garbage)
    changed(folder, programs=(msgspec.structs.replace(entry, sha256=hashlib.sha256(garbage).hexdigest()),))
    assert "the driver does not take" in refusal(found, model, folder)


def test_programs_are_not_written_over_others(found: Found, programs: tuple[Model, seam.Named, Path]) -> None:
    model, _, folder = programs
    with pytest.raises(EngineError, match="is not empty"):
        build(model, found, seam.options(), (1,), folder)
    (folder / "file").touch()
    with pytest.raises(EngineError, match=r"opencl cannot write into .*: (Not a directory|File exists)"):
        build(model, found, seam.options(), (1,), folder / "file")


def test_a_manifest_says_what_a_binary_does_not(programs: tuple[Model, seam.Named, Path]) -> None:
    manifest = read_manifest(programs[2])
    assert isinstance(manifest, Manifest)
    (product,) = {one.parameters for one in manifest.programs[0].kernels if one.name.startswith("product")}
    assert product[-2:] == ("const int rows", "const int strips")
    assert product[0] == "__global const float* restrict x"
    with pytest.raises(Unsupported):
        read_manifest(Path("/nowhere"))


def test_a_trace_tells_of_every_copy_and_kernel(found: Found, tmp_path: Path) -> None:
    model, _ = seam.tiny(tmp_path)
    seen = trace(model, found, seam.options(max_batch=3), rounds=3)
    kinds = [layer.kernel for layer in seen.layers]
    assert (kinds[0], kinds[-1]) == ("copy", "copy")
    assert sorted(set(kinds)) == ["copy", "map", "product"]
    assert sum(layer.macs for layer in seen.layers) == 3 * 3 * 8 * 8 * 5
    assert seen.layers[0].nbytes == 3 * 3 * 8 * 8
    assert all(layer.ns > 0 for layer in seen.layers)
    assert seen.busy_ns > 0
    assert seen.round_ns > 0
