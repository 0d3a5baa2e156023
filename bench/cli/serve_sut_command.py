"""`bench serve-sut`: a backend's compiled workload behind the Open Inference Protocol, for a tester elsewhere."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options, settings_option
from bench.cli.endurance import endurance_options, plan_of

_DEFAULT_BATCH = 8
_PORT = click.IntRange(0, 65535)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("serve-sut")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=_PORT, default=8080, show_default=True, help="HTTP; 0 takes a free one.")
@click.option("--grpc-port", type=_PORT, help="gRPC as well; 0 takes a free one.")
@click.option("--certificate", type=_FILE, help="TLS: the certificate chain in PEM.")
@click.option("--key", type=_FILE, help="TLS: its key in PEM.")
@endurance_options
@settings_option
@lang_option
@logging_options
def command(
    host: str, port: int, grpc_port: int | None, certificate: Path | None, key: Path | None, lang: str, **flags: object
) -> int:
    """Serve one workload by HTTP and gRPC until Ctrl-C; measure it with `bench run --backend endpoint`.

    --batch is the largest that is taken, --workers how many are answered at once. On any other address than this
    host's own it wants TLS, and a token in BENCH_ENDPOINT_TOKEN.
    """
    from bench.backends.base import EngineError, Options
    from bench.backends.endpoint.address import served_name
    from bench.hardware.container import usable_cores
    from bench.planning import check_names, open_workloads
    from bench.serving.served import Served
    from bench.serving.serving import CannotServe, Listening, check, listening
    from bench.text import sentence

    wanted = Listening(host=host, port=port, grpc_port=grpc_port, certificate=certificate, key=key)
    check(wanted)
    plan = plan_of(flags, "offline")
    check_names(plan)
    if plan.more_devices:
        raise click.UsageError("`serve-sut` serves one device; start it again for each further one, on another port.")
    ((name, workload),) = open_workloads(plan).items()
    model = workload.model(plan.precision)
    name = name if plan.model is None else served_name(model.path)
    workers = plan.workers or 1
    options = Options(
        precision=plan.precision,
        max_batch=plan.batch or _DEFAULT_BATCH,
        workers=workers,
        threads=plan.threads or max(1, usable_cores() // workers),
        settings=plan.settings,
        varying_batch=True,
    )
    try:
        served = Served(name, model, plan.backend, plan.device, options)
    except EngineError as error:
        raise CannotServe(str(error)) from None
    try:
        with listening(served, wanted) as addresses:
            for address in addresses:
                click.echo(sentence(lang, "serving.at", name=name, platform=served.platform, address=address))
            with contextlib.suppress(KeyboardInterrupt):  # the way to end it, and no interruption
                threading.Event().wait()
    finally:
        served.close()
    return exit_codes.OK
