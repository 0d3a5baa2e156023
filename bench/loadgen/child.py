"""The process of one repetition: open the engine, answer the evaluation set, warm up, measure, verify, report.

Started by `bench.loadgen.supervisor` as `python -m bench.loadgen.child JOB EVENTS_FD`; it never scores and never
writes outside its trial's folder.
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

from bench.backends.base import Unsupported
from bench.host.engine_process import die_with_parent
from bench.loadgen.answering import answer_loaded
from bench.loadgen.challenge import challenge, check_loaded
from bench.loadgen.input_cache import fresh_input_gain, repeated_input_gain
from bench.loadgen.keeping import answer_evaluation_set
from bench.loadgen.lane import one_line
from bench.loadgen.measuring import measure, search
from bench.loadgen.opening import Ready, opened
from bench.loadgen.pairs import PAIRS
from bench.loadgen.reporter import Reporter
from bench.loadgen.samples import Named
from bench.loadgen.warmup import warm_up
from bench.models.user_model import BadModel
from bench.plugins import PluginError
from bench.records.job import Failure, Job, Report
from bench.records.plan import SEARCHED
from bench.records.untrusted import BadFile
from bench.store.files import write_record
from bench.store.runs import SEARCH

EXIT_FAILED = 3
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def run_job(job: Job, reporter: Reporter) -> None:
    """One repetition, from the job to the files in its folder: a contents page of what happens in the child."""
    with opened(job, reporter) as ready:
        if job.measurement.scenario in SEARCHED and job.rate_per_s is None:
            write_record(Path(job.folder) / SEARCH, search(job, ready, reporter))
            return
        if job.quality:
            answer_evaluation_set(job, ready, reporter)
        session, model = ready.lane.sessions[0], ready.model
        first = answer_loaded(session, model, ready.lane.samples, lambda: reporter.phase("answer"))
        warm = warm_up(ready.lane, job.effort, lambda expected_s: reporter.phase("warm-up", expected_s))
        gain = repeated_input_gain(ready.lane, warm.row_s) if job.check_input_cache else None
        report = measure(job, ready, warm, first, gain, reporter)
        if job.certify and not report.lost_sessions:
            report = _certified(job, ready, warm.row_s, first, report, reporter)
        write_record(Path(job.folder) / "report.json", report)
        if report.lost_sessions:
            os._exit(0)  # a session that never comes back cannot be closed, nor its thread ended


def _certified(job: Job, ready: Ready, row_s: float, first: Named, report: Report, reporter: Reporter) -> Report:
    """The report with what else is asked of an engine in mode `certified`, after the measurement."""
    reporter.phase("challenge", 2 * PAIRS * max(1.0, row_s))
    gain = fresh_input_gain(ready.lane, row_s, ready.workload, job.seed)
    asked = challenge(job, ready, row_s, reporter)
    checked = check_loaded(ready, first, reporter)
    return msgspec.structs.replace(report, fresh_input_gain=gain, challenge=asked, reference_check=checked)


def _failure(error: Exception, folder: str) -> Failure:
    if isinstance(error, PluginError | BadFile | BadModel | Unsupported):
        return Failure(message=str(error), usage=True)
    if isinstance(error, OSError):
        message = f"{error.filename or folder}: {error.strerror or error}"
        return Failure(message=message, no_room=error.errno if error.errno in _NO_ROOM else None)
    return Failure(message=one_line(error))


def main(arguments: list[str]) -> int:
    """Entry of the child process: JOB file, file descriptor for events, process id of the parent."""
    job_file, events, parent = arguments
    die_with_parent(int(parent))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    faulthandler.enable()  # an engine's crash leaves in the log where it happened
    job = msgspec.json.decode(Path(job_file).read_bytes(), type=Job)
    os.set_inheritable(int(events), False)  # an engine's helper must not hold the parent's pipe open
    with os.fdopen(int(events), "wb") as stream:
        reporter = Reporter(stream)
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
