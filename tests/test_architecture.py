"""The house: a room imports only from rooms below it, and heavy engines are imported only where they are used."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Floors of docs/architecture.md. `bench` alone is `bench/__init__.py`, which imports lazily.
FLOORS: dict[str, float] = {
    "bench": 0,
    "bench.records": 0,
    "bench.scoring": 1,
    "bench.robustness": 1,
    "bench.tasks": 1,
    "bench.text": 1,
    "bench.plugins": 1,
    "bench.processor": 1,
    "bench.measures": 1.5,
    "bench.spoilt": 1.5,
    "bench.backends": 2,
    "bench.models": 2,
    "bench.hardware": 2.5,
    "bench.power": 2.75,
    "bench.host": 3,
    "bench.store": 3,
    "bench.apart": 3,
    "bench.loadgen": 3,
    "bench.planning": 3,
    "bench.estimating": 3,
    "bench.judging": 3.5,
    "bench.authoring": 3.5,
    "bench.conformance": 3.5,
    "bench.peaks": 3.5,
    "bench.serving": 3.5,
    "bench.download": 3.5,
    "bench.registry": 3.5,
    "bench.agreement": 4,
    "bench.opencl": 3.5,
    "bench.repetition": 4,
    "bench.tuning": 4,
    "bench.trying": 4,
    "bench.soaking": 4,
    "bench.scaling": 4,
    "bench.runner": 4,
    "bench.api": 4,
    "bench.comparing": 4.5,
    "bench.report": 5,
    "bench.plots": 5.25,
    "bench.pages": 5.5,
    "bench.workbook": 5.5,
    "bench.submission": 5,
    "bench.interchange": 5,
    "bench.fleet": 5.1,
    "bench.procurement": 5,
    "bench.cli": 6,
    "bench.pytest_plugin": 6,
}
# Doors between rooms of one floor; never both ways.
DOORS = {
    ("bench.spoilt", "bench.measures"),
    ("bench.apart", "bench.host"),
    ("bench.procurement", "bench.submission"),
    ("bench.loadgen", "bench.apart"),
    ("bench.loadgen", "bench.host"),
    ("bench.loadgen", "bench.store"),
    ("bench.host", "bench.store"),
    ("bench.planning", "bench.store"),
    ("bench.models", "bench.backends"),
    ("bench.api", "bench.runner"),
    ("bench.runner", "bench.agreement"),
    ("bench.runner", "bench.repetition"),
    ("bench.runner", "bench.tuning"),
    ("bench.trying", "bench.repetition"),
    ("bench.trying", "bench.runner"),
    ("bench.soaking", "bench.repetition"),
    ("bench.soaking", "bench.trying"),
    ("bench.scaling", "bench.repetition"),
    ("bench.scaling", "bench.trying"),
    ("bench.tuning", "bench.repetition"),
}
# bench/__init__.py names what comes with the first use of `bench.run`, for type checkers only.
LAZY = {("bench", "bench.api"), ("bench", "bench.records")}
HEAVY = {
    "torch",
    "onnxruntime",
    "openvino",
    "pyopencl",
    "duckdb",
    "matplotlib",
    "scipy",
    "PIL",
    "av",
    "cpuinfo",
    "mlperf_loadgen",
    "tritonclient",
    "grpc",
    "cryptography",
    "securesystemslib",
    "weasyprint",
    "xlsxwriter",
    "ray",
}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module with its dotted name; folders behind the links `bench/backends` and `bench/models` as such."""
    for top, package in (("bench", "bench"), ("backends", "bench.backends"), ("models", "bench.models")):
        for file in sorted((ROOT / top).rglob("*.py")):
            inside = file.relative_to(ROOT / top).with_suffix("")
            if top == "bench" and inside.parts[0] in ("backends", "models"):
                continue
            parts = [part for part in inside.parts if part != "__init__"]
            yield ".".join([package, *parts]), file


MODULES = dict(modules())


def room(module: str) -> str:
    """The longest name in the table that the module lies in."""
    parts = module.split(".")
    while ".".join(parts) not in FLOORS:
        parts.pop()
    return ".".join(parts)


def imports(file: Path, only_top: bool = False) -> Iterator[str]:
    """Dotted names that a module imports; with `only_top` those that run when it is imported."""
    pending: list[ast.AST] = [ast.parse(file.read_text())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        if only_top and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(node)):
            continue
        pending.extend(ast.iter_child_nodes(node))


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def resolved(name: str) -> str | None:
    """The module that a dotted name is or lies in."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def reachable(roots: set[str]) -> set[str]:
    """Modules that are imported when the roots are."""
    seen: set[str] = set()
    pending = set(roots)
    while pending:
        module = pending.pop()
        seen.add(module)
        pending |= {found for name in imports(MODULES[module], only_top=True) if (found := resolved(name))} - seen
    return seen


def measuring() -> set[str]:
    """What takes part in a run, and all that it imports at once; training and building of the models stay outside."""
    suite = {f"bench.models{name}" for name in ("", ".base", ".suite", ".user_model", ".graph")}
    data = {module for module in MODULES if room(module) == "bench.models" and module.endswith(".data")}
    return reachable({module for module in MODULES if room(module) != "bench.models"} | suite | data)


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 60
    assert {room(module) for module in MODULES} == set(FLOORS)
    assert [module for module in MODULES if room(module) == "bench"] == ["bench"], "a new room: give it a floor"
    assert {"bench.cli.run_command", "bench.models.speech_command.data"} <= measuring() < set(MODULES)


def test_a_room_imports_only_from_rooms_below() -> None:
    wrong = []
    for module, file in MODULES.items():
        here = room(module)
        for there in {room(name) for name in imports(file) if name.startswith("bench.")} - {here, "bench"}:
            if FLOORS[there] >= FLOORS[here] and (here, there) not in DOORS | LAZY:
                wrong.append(f"{module} (floor {FLOORS[here]}) imports from {there} (floor {FLOORS[there]})")
    assert not wrong


def test_no_door_is_open_both_ways_and_every_door_is_used() -> None:
    used = {(room(module), room(name)) for module in MODULES for name in imports(MODULES[module]) if "bench." in name}
    assert not {(there, here) for here, there in DOORS} & DOORS
    assert all(FLOORS[here] == FLOORS[there] for here, there in DOORS)
    assert used >= DOORS


def test_click_is_known_to_the_command_line_alone() -> None:
    users = {room(module) for module, file in MODULES.items() if "click" in {n.split(".")[0] for n in imports(file)}}
    assert users == {"bench.cli"}


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    wrong = {
        module: found
        for module in measuring()
        if (found := {name.split(".")[0] for name in imports(MODULES[module], only_top=True)} & HEAVY)
    }
    assert not wrong, "import these inside the functions that use them"


def test_every_module_says_what_lives_in_it() -> None:
    texts = {module: file.read_text() for module, file in MODULES.items()}
    assert not [module for module, text in texts.items() if text.strip() and not ast.get_docstring(ast.parse(text))]


def test_files_stay_under_three_hundred_lines() -> None:
    assert not [module for module, file in MODULES.items() if len(file.read_text().splitlines()) >= 300]
