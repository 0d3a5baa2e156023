"""`bench.plugins`: what is registered is found by name, and what is broken says whose it is and what is missing."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench import plugins
from bench.backends.registry import backend_names, load_backend
from bench.models.suite import load_workload, workload_names
from bench.plugins import PluginError, load_plugin, plugin_names, suggestion
from bench.records.plan import DEFAULT_WORKLOADS

GROUP = "bench.backends"
MEMBERS = ("name", "devices", "compile")


def entry(name: str, value: str, distribution: str = "acme", group: str = GROUP) -> EntryPoint:
    found = EntryPoint(name=name, value=value, group=group)
    vars(found)["dist"] = SimpleNamespace(name=distribution)
    return found


def register(monkeypatch: pytest.MonkeyPatch, *entries: EntryPoint) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: [found for found in entries if found.group == group])


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module `acme_engine` that may be written, and imported once."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_engine", raising=False)
    return tmp_path / "acme_engine.py"


def refusal(name: str = "acme") -> str:
    with pytest.raises(PluginError) as caught:
        load_plugin(GROUP, name, MEMBERS)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_whole_plugin_is_loaded(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module.write_text("class B:\n    name = 'acme'\n    def devices(self): ...\n    def compile(self): ...\nB = B()\n")
    register(monkeypatch, entry("acme", "acme_engine:B"), entry("broken", "no_such_module:B"))
    assert load_backend("acme").name == "acme"


def test_missing_members_are_named_with_their_owner(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module.write_text("class B:\n    name = 'acme'\n")
    register(monkeypatch, entry("acme", "acme_engine:B", "acme-inference"))
    assert refusal() == (
        "The backend 'acme' of distribution 'acme-inference' (acme_engine:B) lacks devices, compile; "
        "it must have name, devices, compile."
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_driver", "ModuleNotFoundError: No module named 'no_such_driver'"),
        ("raise OSError('libacme.so:\\n  cannot open')", "OSError: libacme.so: cannot open"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("x = ", "SyntaxError"),
        ("C = 1", "AttributeError"),
    ],
)
def test_a_failing_import_is_told_and_named(
    module: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str
) -> None:
    module.write_text(source)
    register(monkeypatch, entry("acme", "acme_engine:B"))
    assert refusal().startswith("The backend 'acme' of distribution 'acme' (acme_engine:B) cannot be imported: ")
    assert words in refusal()


def test_a_name_registered_by_two_distributions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, entry("acme", "a:B", "one"), entry("acme", "b:B", "two"))
    assert refusal() == "The backend 'acme' is registered twice: [('one', 'a:B'), ('two', 'b:B')]; uninstall one."


def test_one_distribution_listed_twice_is_one(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable install beside its build folder shows its metadata twice."""
    module.write_text("name = devices = compile = None")
    register(monkeypatch, entry("acme", "acme_engine"), entry("acme", "acme_engine"))
    assert load_plugin(GROUP, "acme", MEMBERS) is sys.modules["acme_engine"]
    assert plugin_names(GROUP) == ["acme"]


def test_an_unknown_name_is_met_with_a_close_one(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, entry("onnxruntime", "a:B"), entry("fake", "b:B"))
    assert refusal("onnxruntme") == "There is no backend 'onnxruntme'. Did you mean 'onnxruntime'?"
    assert refusal("zzz") == "There is no backend 'zzz'. Known: fake, onnxruntime."


def test_nothing_registered_is_said() -> None:
    assert suggestion("x", []) == " Known: none."


def test_listing_imports_nothing(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module.write_text("raise SystemExit")
    register(monkeypatch, entry("acme", "acme_engine:B"))
    assert plugin_names(GROUP) == ["acme"]
    assert "acme_engine" not in sys.modules


def test_the_built_in_ones_enter_through_the_same_door() -> None:
    assert {"fake", "onnxruntime"} <= set(backend_names())
    assert set(DEFAULT_WORKLOADS) <= set(workload_names())
    assert all(load_backend(name).name == name for name in ("fake", "onnxruntime"))


def test_a_workload_that_is_no_package_is_refused(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module.write_text("class W: __path__ = []\n")
    register(monkeypatch, entry("acme", "acme_engine:W", group="bench.workloads"))
    with pytest.raises(PluginError, match="it must be a package"):
        load_workload("acme")
