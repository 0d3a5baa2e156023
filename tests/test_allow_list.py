"""BENCH_BACKENDS: what is not on the list is neither listed nor imported."""

from __future__ import annotations

import pytest

from bench.plugins import PluginError, load_plugin, plugin_names


def test_only_what_is_allowed_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = plugin_names("bench.backends")
    assert {"fake", "onnxruntime"} < set(everything)
    monkeypatch.setenv("BENCH_BACKENDS", "onnxruntime, fake,nobody")
    assert plugin_names("bench.backends") == ["fake", "onnxruntime"]
    assert load_plugin("bench.backends", "fake", ("devices",))
    with pytest.raises(
        PluginError, match=r"There is no backend 'torch'.*BENCH_BACKENDS allows only 'onnxruntime, fake"
    ):
        load_plugin("bench.backends", "torch", ())
    assert "speech_command" in plugin_names("bench.workloads")
    monkeypatch.setenv("BENCH_BACKENDS", "")
    assert plugin_names("bench.backends") == []
