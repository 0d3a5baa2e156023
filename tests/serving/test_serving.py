"""What is served answers as the engine itself does, by both protocols; hostile clients are told so and harm nobody."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench.backends.base import EngineError, Model, Unsupported
from bench.backends.endpoint.address import TOKEN
from bench.backends.endpoint.backend import BACKEND
from bench.backends.fake import BACKEND as FAKE
from bench.loadgen.engine import round_trip
from bench.serving.served import Served
from bench.serving.serving import CannotServe, Listening, check, listening

from ..backends.seam import Named, answers, options, reference, speech, tiny, together, two_way, worst_error
from .certificates import write_certificate

pytest.importorskip("tritonclient.http", reason="the extra `endpoint` is not installed")
pytest.importorskip("tritonclient.grpc", reason="the extra `endpoint` is not installed")
AUTHORITY = "BENCH_ENDPOINT_CA"


@pytest.fixture
def model(tmp_path: Path) -> tuple[Model, Named]:
    return tiny(tmp_path)


@pytest.fixture
def addresses(model: tuple[Model, Named]) -> Iterator[list[str]]:
    """By HTTP and by gRPC."""
    served = Served("tiny", model[0], "onnxruntime", "cpu", options(workers=2))
    with listening(served, Listening(port=0, grpc_port=0)) as found:
        yield found
    served.close()


@pytest.mark.parametrize("protocol", [0, 1])
@pytest.mark.parametrize("binary", [True, False])
def test_answers_are_the_engines_own(
    model: tuple[Model, Named], addresses: list[str], protocol: int, binary: bool
) -> None:
    settings = {"url": addresses[protocol], "model": "tiny", "binary": binary}
    facts, found = answers(BACKEND, *model, sizes=(4, 1, 3, 4), settings=settings)
    assert worst_error(found, reference(*model)) < 1e-5
    assert (facts.engine, facts.applied["model_versions"]) == ("bench serve-sut", "1")
    assert facts.applied["precision_confirmed"] is False


@pytest.mark.parametrize("protocol", [0, 1])
def test_inputs_and_outputs_keep_their_names(tmp_path: Path, protocol: int) -> None:
    model, inputs = two_way(tmp_path)
    served = Served("two", model, "onnxruntime", "cpu", options())
    with listening(served, Listening(port=0, grpc_port=0)) as urls:
        _, found = answers(BACKEND, model, inputs, settings={"url": urls[protocol], "model": "two"})
    served.close()
    np.testing.assert_allclose(found["rest"], inputs["a"] - inputs["b"], rtol=1e-6)
    np.testing.assert_allclose(found["sum"], inputs["a"] + inputs["b"], rtol=1e-6)


@pytest.mark.parametrize("protocol", [0, 1])
def test_sessions_at_once_do_not_mix(model: tuple[Model, Named], addresses: list[str], protocol: int) -> None:
    settings = {"url": addresses[protocol], "model": "tiny"}
    compiled = BACKEND.compile(model[0], BACKEND.devices()[0], options(workers=4, settings=settings))
    for worker, found in enumerate(together(compiled, *model, workers=4)):
        mine = {name: np.roll(array, -worker, axis=0) for name, array in model[1].items()}
        assert worst_error(found, reference(model[0], mine)) < 1e-5


def test_another_model_than_the_workloads_is_refused(addresses: list[str]) -> None:
    with pytest.raises(Unsupported, match="has no input"):
        answers(BACKEND, *speech(), settings={"url": addresses[0], "model": "tiny"})


@pytest.mark.parametrize("protocol", [0, 1])
def test_a_model_that_is_not_there_is_named(model: tuple[Model, Named], addresses: list[str], protocol: int) -> None:
    with pytest.raises(EngineError, match="the model here is 'tiny'"):
        answers(BACKEND, *model, settings={"url": addresses[protocol], "model": "tidy"})


def _post(url: str, body: bytes, header: str | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    extra = {} if header is None else {"Inference-Header-Content-Length": header}
    connection.request("POST", "/v2/models/tiny/infer", body, extra)
    response = connection.getresponse()
    said = response.read().decode()
    connection.close()
    return response.status, said


def _request(shape: list[int], data: object, datatype: str = "UINT8", **more: object) -> bytes:
    return json.dumps({"inputs": [{"name": "x", "datatype": datatype, "shape": shape, "data": data}], **more}).encode()


@pytest.mark.parametrize(
    ("body", "header", "words"),
    [
        (b"{", None, "no inference request"),
        (b"[" * 100_000, None, "no inference request"),
        (b'{"inputs": []}', "9999", "no length within the body"),
        (b'{"inputs": []}', "-1", "no length within the body"),
        (b'{"inputs": []}', None, "missing"),
        (_request([1, 3, 8, 8], [0] * 5), None, "reshape"),
        (_request([-1, 3, 8, 8], [0] * 192), None, "negative length"),
        (_request([1, 3, 8, 8], [300] * 192), None, "'x'"),
        (_request([1, 3, 8, 8], [0] * 192, "COMPLEX"), None, "unknown type"),
        (_request([1, 3, 8, 8], [0] * 192, "FP32"), None, "declared is"),
        (_request([5, 3, 8, 8], [0] * 960), None, "1 to 4 samples"),
        (_request([0, 3, 8, 8], []), None, "1 to 4 samples"),
        (_request([1, 3, 8, 8], [0] * 192, outputs=[{"name": "nothing"}]), None, "there is no output"),
    ],
)
def test_what_is_no_batch_is_answered_with_why(
    model: tuple[Model, Named], addresses: list[str], body: bytes, header: str | None, words: str
) -> None:
    status, said = _post(addresses[0], body, header)
    assert status == 400
    assert words in json.loads(said)["error"]
    good, answer = _post(addresses[0], _request([1, 3, 8, 8], model[1]["x"][0].ravel().tolist()))
    assert good == 200
    expected = reference(model[0], {"x": model[1]["x"][:1]})["logits"].ravel()
    np.testing.assert_allclose(json.loads(answer)["outputs"][0]["data"], expected, rtol=1e-4)


def test_a_body_larger_than_any_batch_is_not_read(addresses: list[str]) -> None:
    connection = http.client.HTTPConnection(addresses[0].removeprefix("http://"), timeout=20)
    connection.putrequest("POST", "/v2/models/tiny/infer")
    connection.putheader("Content-Length", str(1 << 40))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("protocol", [0, 1])
def test_only_who_has_the_token_is_answered(
    model: tuple[Model, Named], monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    monkeypatch.setenv(TOKEN, "s3cret-of-the-test")
    served = Served("tiny", model[0], "onnxruntime", "cpu", options())
    with listening(served, Listening(port=0, grpc_port=0)) as urls:
        settings = {"url": urls[protocol], "model": "tiny"}
        facts, found = answers(BACKEND, *model, settings=settings)
        assert worst_error(found, reference(*model)) < 1e-5
        assert "s3cret" not in repr(facts)
        for wrong in ("", "s3cret-of-another"):
            monkeypatch.setenv(TOKEN, wrong)
            with pytest.raises(EngineError, match=TOKEN) as refusal:
                answers(BACKEND, *model, settings=settings)
            assert not wrong or wrong not in str(refusal.value)
    served.close()


@pytest.mark.parametrize("protocol", [0, 1])
@pytest.mark.parametrize(("days", "words"), [(30, ""), (-1, "expired")])
def test_certificates_are_checked(
    model: tuple[Model, Named],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    protocol: int,
    days: int,
    words: str,
) -> None:
    chain, key = write_certificate(tmp_path, days)
    served = Served("tiny", model[0], "onnxruntime", "cpu", options())
    with listening(served, Listening(port=0, grpc_port=0, certificate=chain, key=key)) as urls:
        settings = {"url": urls[protocol], "model": "tiny"}
        with pytest.raises(EngineError, match="certificate is not accepted: " + (words and ".*")):
            answers(BACKEND, *model, settings=settings)  # nobody vouches for it
        monkeypatch.setenv(AUTHORITY, str(chain))
        if words:
            with pytest.raises(EngineError, match=words):
                answers(BACKEND, *model, settings=settings)
        else:
            assert worst_error(answers(BACKEND, *model, settings=settings)[1], reference(*model)) < 1e-5
    served.close()


def test_nothing_is_served_in_the_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain, key = write_certificate(tmp_path, 30)
    monkeypatch.delenv(TOKEN, raising=False)
    for wanted in (Listening(host="0.0.0.0"), Listening(host="0.0.0.0", certificate=chain, key=key)):
        with pytest.raises(CannotServe, match=TOKEN):
            check(wanted)
    monkeypatch.setenv(TOKEN, "one")
    assert check(Listening(host="0.0.0.0", certificate=chain, key=key)) is not None
    with pytest.raises(CannotServe, match="go together"):
        check(Listening(certificate=chain))
    with pytest.raises(CannotServe, match="cannot be used"):
        check(Listening(certificate=key, key=chain))


def test_a_taken_port_is_told(model: tuple[Model, Named], addresses: list[str]) -> None:
    served = Served("tiny", model[0], "onnxruntime", "cpu", options())
    for place in ({"port": int(addresses[0].rpartition(":")[2])}, {"grpc_port": int(addresses[1].rpartition(":")[2])}):
        with pytest.raises(CannotServe, match="annot listen"), listening(served, Listening(**{"port": 0, **place})):
            pass
    served.close()


@pytest.mark.parametrize("protocol", [0, 1])
def test_an_engine_that_fails_is_told_and_asked_again(tmp_path: Path, protocol: int) -> None:
    model, inputs = tiny(tmp_path)
    broken = options(settings={"fault": "raise", "fault_after": 1})
    served = Served("tiny", model, "fake", "cpu", broken)
    with listening(served, Listening(port=0, grpc_port=0)) as urls:
        settings = {"url": urls[protocol], "model": "tiny"}
        with pytest.raises(EngineError, match="fails, as scripted"):
            answers(BACKEND, model, inputs, settings=settings)
        assert worst_error(answers(BACKEND, model, inputs, settings=settings)[1], reference(model, inputs)) < 1e-5
    served.close()


@pytest.mark.parametrize("protocol", [0, 1])
def test_the_way_there_and_back_is_measured_apart(
    model: tuple[Model, Named], addresses: list[str], protocol: int
) -> None:
    settings = {"url": addresses[protocol], "model": "tiny"}
    compiled = BACKEND.compile(model[0], BACKEND.devices()[0], options(settings=settings))
    with contextlib.closing(compiled.open(0)) as session:
        way = round_trip(SimpleNamespace(sessions=(session,)))  # type: ignore[arg-type]  # all that it looks at
    assert way is not None
    assert way.calls == 200
    assert 0 < way.p50_ns <= way.p99_ns


def test_an_engine_on_this_host_has_no_way_to_go(model: tuple[Model, Named]) -> None:
    session = FAKE.compile(model[0], FAKE.devices()[0], options()).open(0)
    assert round_trip(SimpleNamespace(sessions=(session,))) is None  # type: ignore[arg-type]
