"""The process of one repetition: open the engine, answer the evaluation set, warm up, measure, verify, report.

Started by `bench.loadgen.supervisor` as `python -m bench.loadgen.child JOB EVENTS_FD SEEDS_FD PARENT`; it never scores
and never writes outside its trial's folder.
"""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import os
import signal
import sys
import traceback
from pathlib import Path

import msgspec

from bench.backends.base import Unsupported, cause_of
from bench.host.engine_process import die_with_parent
from bench.host.process_time import keep_orphans
from bench.loadgen.challenge import challenge, check_loaded
from bench.loadgen.input_cache import fresh_input_gain
from bench.loadgen.lane import fault_of
from bench.loadgen.measuring import Warmed, measure, measure_together, search, warmed
from bench.loadgen.mlperf.accuracy import accuracy_test
from bench.loadgen.opening import opened
from bench.loadgen.pairs import PAIRS
from bench.loadgen.reporter import Reporter
from bench.models.user_model import BadModel
from bench.plugins import PluginError
from bench.records.job import Failure, Job, Report
from bench.records.plan import SEARCHED
from bench.records.untrusted import BadFile
from bench.store.files import write_record
from bench.store.runs import REPORT, SEARCH

EXIT_FAILED = 3
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def run_job(job: Job, reporter: Reporter) -> None:
    """One repetition, from the job to the files in its folder: a contents page of what happens in the child."""
    with contextlib.ExitStack() as stack:
        opens = [stack.enter_context(opened(one, reporter)) for one in (job, *job.beside)]
        jobs = [own.job for own in opens]
        if job.mlperf == "accuracy":
            accuracy_test(jobs[0], opens[0], reporter)
            return
        if job.measurement.scenario in SEARCHED and job.rate_per_s is None:
            write_record(Path(job.folder) / SEARCH, search(jobs[0], opens[0], reporter))
            return
        ready = [warmed(one, own, reporter) for one, own in zip(jobs, opens, strict=True)]
        reports = measure_together(ready, reporter) if job.beside else [measure(ready[0], reporter)]
        if job.certify and not any(report.lost_sessions for report in reports):
            reports = [_certified(one, report, reporter) for one, report in zip(ready, reports, strict=True)]
        for one, report in zip(jobs, reports, strict=True):
            write_record(Path(one.folder) / REPORT, report)
        if any(report.lost_sessions for report in reports):
            os._exit(0)  # a session that never comes back cannot be closed, nor its thread ended


def _certified(one: Warmed, report: Report, reporter: Reporter) -> Report:
    """The report with what else is asked of an engine in mode `certified`, after the measurement."""
    job, ready, row_s = one.job, one.ready, one.warm.row_s
    reporter.phase("challenge", 2 * PAIRS * max(1.0, row_s))
    gain = fresh_input_gain(ready.lane, row_s, ready.workload, job.seed, ready.model.varying)
    asked = challenge(job, ready, row_s, reporter)
    checked = check_loaded(ready, one.first, reporter)
    return msgspec.structs.replace(report, fresh_input_gain=gain, challenge=asked, reference_check=checked)


def _failure(error: Exception, folder: str) -> Failure:
    if isinstance(error, PluginError | BadFile | BadModel | Unsupported):
        return Failure(message=str(error), usage=True)
    if isinstance(error, OSError):
        message = f"{error.filename or folder}: {error.strerror or error}"
        no_room = error.errno if error.errno in _NO_ROOM else None
        return Failure(message=message, cause=cause_of(error), no_room=no_room)
    fault = fault_of(error)
    return Failure(message=fault.words, cause=fault.cause)


def main(arguments: list[str]) -> int:
    """Entry of the child process: JOB file, file descriptors for events and for seeds, process id of the parent."""
    job_file, events, seeds, parent = arguments
    die_with_parent(int(parent))
    keep_orphans()  # what an engine's helper spends counts, whoever started it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    faulthandler.enable()  # an engine's crash leaves in the log where it happened
    job = msgspec.json.decode(Path(job_file).read_bytes(), type=Job)
    for end in (events, seeds):
        os.set_inheritable(int(end), False)  # an engine's helper must not hold the parent's pipes open
    with os.fdopen(int(events), "wb") as stream, os.fdopen(int(seeds), "rb") as answers:
        reporter = Reporter(stream, answers)
        try:
            run_job(job, reporter)
        except Exception as error:  # noqa: BLE001 - an engine may raise anything; the traceback goes to the trial's log
            with contextlib.suppress(OSError):  # the disk may be what is full
                traceback.print_exc()  # before the event: with it the parent puts an end to this process
            reporter.send(_failure(error, job.folder))
            return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
