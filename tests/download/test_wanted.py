"""`bench.download.wanted`: a name or a URL and a checksum, or one line that says what is missing."""

from __future__ import annotations

import re

import pytest

from bench.download import wanted as module
from bench.download.wanted import BadDownload, KnownModel, known_models, wanted

DIGEST = "0123456789abcdef" * 4


def refused(asked: str, sha256: str | None = DIGEST) -> str:
    with pytest.raises(BadDownload) as caught:
        wanted(asked, sha256)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_built_in_list_is_sound() -> None:
    models = known_models()
    assert {"mlperf-resnet50", "mlperf-retinanet"} <= set(models)
    for name, model in models.items():
        assert re.fullmatch("[a-z0-9.-]+", name)
        assert set(model.title) == {"en", "zh"}
        assert model.url.startswith("https://zenodo.org/record")
        assert model.md5 is not None
        assert re.fullmatch("[0-9a-f]{32}", model.md5)
        asked = wanted(name, DIGEST)
        assert (asked.url, asked.md5) == (model.url, model.md5)
        assert asked.file_name.endswith(".onnx")


@pytest.mark.parametrize("name", ["mlperf-resnet50", "mlperf-retinanet"])
def test_without_a_published_sum_one_must_be_given(name: str) -> None:
    said = refused(name, None)
    assert "No SHA-256" in said
    assert "`--sha256 HEX`" in said
    assert str(known_models()[name].md5) in said
    assert known_models()[name].url in said


def test_a_published_sum_is_taken_and_not_overruled(monkeypatch: pytest.MonkeyPatch) -> None:
    model = KnownModel(title={}, url="https://host/m.onnx", published="there", sha256=DIGEST)
    monkeypatch.setattr(module, "known_models", lambda: {"m": model})
    assert wanted("m", None).sha256 == DIGEST
    assert wanted("m", DIGEST).sha256 == DIGEST
    assert f"pinned to SHA-256 {DIGEST}" in refused("m", "f" * 64)


def test_unknown_names() -> None:
    assert "Did you mean 'mlperf-resnet50'?" in refused("mlperf-resnet5")
    assert "Known: mlperf-resnet50, mlperf-retinanet." in refused("xyzzy")
    assert "There is no model ''" in refused("")


@pytest.mark.parametrize("text", [DIGEST, DIGEST.upper(), f"sha256:{DIGEST}", f" {DIGEST}\n"])
def test_how_a_sum_may_be_written(text: str) -> None:
    assert wanted("https://host/m", text).sha256 == DIGEST


@pytest.mark.parametrize(
    "text", ["", "abc", DIGEST[:-1], DIGEST + "0", "g" * 64, "md5:" + DIGEST, "０" * 64, "x" * 10_000]
)
def test_what_is_no_sum(text: str) -> None:
    said = refused("https://host/m", text)
    assert "is not a SHA-256: 64 hexadecimal digits" in said
    assert len(said) < 250


def test_a_url_needs_a_sum() -> None:
    assert "`--sha256`" in refused("https://host/m.onnx", None)


@pytest.mark.parametrize(
    ("text", "url", "name"),
    [
        ("https://host/a/m.onnx", "https://host/a/m.onnx", "m.onnx"),
        ("HTTPS://Host:8443/m.onnx?download=1#top", "https://host:8443/m.onnx?download=1", "m.onnx"),
        ("http://[::1]:80/m", "http://[::1]:80/m", "m"),
        ("https://host/a%20b.onnx", "https://host/a%20b.onnx", "a b.onnx"),
        ("https://host/模型.onnx", "https://host/%E6%A8%A1%E5%9E%8B.onnx", "模型.onnx"),
        ("https://bücher.example/m", "https://xn--bcher-kva.example/m", "m"),
        ("https://host", "https://host", ""),
        ("https://host/a/", "https://host/a/", ""),
        ("https://host/%2e%2e", "https://host/%2e%2e", ""),
        ("https://host/a%2Fb", "https://host/a%2Fb", ""),
        ("https://host/a%00b", "https://host/a%00b", ""),
    ],
)
def test_addresses(text: str, url: str, name: str) -> None:
    asked = wanted(text, DIGEST)
    assert (asked.url, asked.file_name) == (url, name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://host/m", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("https:///m", "names no host"),
        ("https://user:secret@host/m", "user name or password"),
        ("https://host/a b", "spaces or control characters"),
        ("https://host/\x1b[31m", "spaces or control characters"),
        ("https://host:port/m", "is no URL"),
        ("https://host:99999/m", "is no URL"),
        ("https://[::1/m", "is no URL"),
        (f"https://{'a' * 70}.example/m", "is no URL"),
        ("://", "only http and https"),
    ],
)
def test_what_is_no_address(text: str, words: str) -> None:
    said = refused(text)
    assert words in said
    assert "secret" not in said
