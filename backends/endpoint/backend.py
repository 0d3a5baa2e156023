"""Served models behind the seam: compiling is asking the server what it has, a session is a connection."""

from __future__ import annotations

from bench.backends.base import Arrays, EngineError, Model, Options
from bench.backends.checks import Forms, check_precision, missing_package
from bench.backends.compiling import compilation
from bench.backends.endpoint.address import Asked, asked, served_name, token
from bench.backends.endpoint.forms import Served, check_served
from bench.backends.endpoint.wire import Wire, connect, reach
from bench.backends.endpoint.words import told
from bench.records.host import Device, Facts
from bench.records.plan import Setting


class EndpointBackend:
    """Settings: `url` = SCHEME://HOST:PORT (http, https, grpc, grpcs); `model` = its name there [the workload's].

    `version` = the model's version there; `timeout_s` = longest wait for an answer; `binary` = false sends numbers as
    JSON over HTTP. Token and authority come from BENCH_ENDPOINT_TOKEN and BENCH_ENDPOINT_CA.
    """

    name = "endpoint"

    def devices(self) -> list[Device]:
        """What is served, wherever: which server, the settings say. What it computes in nobody here can read back."""
        if self.why_none():
            return []
        return [Device(kind="server", title="a served model", precisions=("fp32",))]

    def why_none(self) -> str:
        """Empty where the client is installed."""
        return missing_package("tritonclient", "endpoint") or missing_package("grpc", "endpoint") or ""

    def compile(self, model: Model, device: Device, options: Options) -> _Compiled:
        check_precision(self.name, device, options)
        return _Compiled(model, asked(options.settings, served_name(model.path)), options)


class _Compiled:
    def __init__(self, model: Model, wanted: Asked, options: Options) -> None:
        self._model, self._asked, self._options = model, wanted, options
        with compilation() as effort:
            reach(wanted)
            wire = connect(wanted, model, options.max_batch)
            try:
                server, served = wire.server(), wire.served()
                if not wire.ready():
                    raise EngineError(f"{wanted.address.url} has {wanted.model!r} and says that it is not ready yet.")
            finally:
                wire.close()
        check_served(served, model, options.max_batch)
        secret = token(wanted.address)
        self.facts = Facts(
            engine=told(server.name, secret) or "a server without a name",
            engine_version=told(server.version, secret) or "not told",
            precision_executed="fp32",
            compile_s=effort.seconds,
            applied=_applied(wanted, served, secret),
        )

    def open(self, worker: int) -> EndpointSession:
        return EndpointSession(connect(self._asked, self._model, self._options.max_batch), self._model, self._options)

    def close(self) -> None:
        return


def _applied(wanted: Asked, served: Served, secret: str) -> dict[str, Setting]:
    from importlib.metadata import version

    return {
        "url": wanted.address.url,
        "model": wanted.model,
        "model_version": wanted.version or "the server's choice",
        "model_versions": told(", ".join(served.versions or ()), secret),
        "platform": told(served.platform, secret),
        "timeout_s": wanted.timeout_s,
        "client": f"tritonclient {version('tritonclient')}",
        # The protocol has no word for it: what is served may be anything, and quality says what it is worth.
        "precision_confirmed": False,
        **({} if wanted.address.grpc else {"binary": wanted.binary}),
    }


class EndpointSession:
    """A worker's connection; opened and greeted before the clock runs."""

    def __init__(self, wire: Wire, model: Model, options: Options) -> None:
        self._wire, self._forms = wire, Forms("endpoint", model, options.max_batch)
        wire.live()

    def run(self, batch: Arrays, out: Arrays) -> None:
        self._forms.check(batch, out)
        self._wire.infer(batch, out)

    def echo(self) -> None:
        """To the server and back, for nothing."""
        self._wire.live()

    def close(self) -> None:
        self._wire.close()


BACKEND = EndpointBackend()
