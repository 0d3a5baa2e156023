"""The challenge: does the engine compute the network that it is given, and as fast as the one that was measured?

Asked after the measurement, of an engine opened anew in the same way; see `bench.models.challenge` for the network.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import EngineError, Model
from bench.loadgen.answering import answer_all
from bench.loadgen.lane import Broken, Lane, fault_of
from bench.loadgen.opening import Ready, opened_model
from bench.loadgen.pairs import PAIRS, seconds, time_ratio
from bench.loadgen.reporter import Reporter
from bench.loadgen.samples import Named
from bench.models.challenge import NoChallenge, reference_answers, write_challenge
from bench.records.hashing import derive_seed
from bench.records.job import Challenge, Job, Verification
from bench.scoring.numeric import worst_sample_errors

_SAMPLES = 8
_RUN_S, _FEW_ROWS = 0.2, 20
_NAME = "graph.onnx"  # networks in torch look for it by this name


def challenge(job: Job, ready: Ready, row_s: float, reporter: Reporter) -> Challenge:
    """Put the challenge of `job`'s seed to the engine; `row_s` is what a row of the measured network takes."""
    seed = derive_seed(job.seed, "challenge")
    file = Path(job.folder) / "challenge" / _NAME
    file.parent.mkdir(exist_ok=True)
    inputs = ready.workload.load_inputs(_SAMPLES, derive_seed(seed, "inputs") % 2**31)
    try:
        write_challenge(ready.model.path, derive_seed(seed, "weights"), file)
        expected = reference_answers(file, inputs, lambda: reporter.phase("challenge"))
        asked = msgspec.structs.replace(ready.model, path=file)
        return _put(job, ready, asked, Challenge(seed=seed, samples=_SAMPLES), inputs, expected, row_s, reporter)
    except NoChallenge as error:
        return Challenge(seed=seed, refused=str(error), refused_by="reference")
    except (EngineError, Broken) as error:
        if fault_of(error).cause is not None:
            raise  # it stands beside the measured one: that there was no room for both accuses nobody
        return Challenge(seed=seed, refused=str(error))
    finally:
        shutil.rmtree(file.parent, ignore_errors=True)  # as large as the network, and the nonce makes it again


def check_loaded(ready: Ready, first: Named, reporter: Reporter) -> Verification | None:
    """The `first` answers to some samples of the loaded set against the same reference; None where that says nothing.

    Timed outputs are compared with these, and the evaluation set is known to everybody: this is what shows that an
    engine is right on inputs that nobody knew.
    """
    places = range(min(_SAMPLES, ready.lane.samples.count))
    inputs = ready.lane.samples.gathered(places)
    try:
        expected = reference_answers(ready.model.path, inputs, lambda: reporter.phase("challenge"))
        tolerance = _tolerance(ready, expected)
    except NoChallenge:
        return None  # nor is there a challenge then, which is told
    errors = worst_sample_errors({name: array[: len(places)] for name, array in first.items()}, expected)
    return Verification(
        samples=len(places),
        mismatched=int((~(errors <= tolerance)).sum()),
        largest_error=float(errors.max()) if np.isfinite(errors).all() else None,
    )


def _put(
    job: Job,
    ready: Ready,
    asked: Model,
    so_far: Challenge,
    inputs: Named,
    expected: Named,
    row_s: float,
    reporter: Reporter,
) -> Challenge:
    with opened_model(job, ready.workload, asked, reporter) as other:
        indices = np.arange(_SAMPLES, dtype=np.int64)
        batch = job.measurement.batch
        answers = answer_all(other.lane.sessions[0], asked, indices, lambda part: _rows(inputs, part), batch)
        errors = worst_sample_errors(answers, expected)
        tolerance = _tolerance(other, expected)
        return msgspec.structs.replace(
            so_far,
            model_hash=other.model_hash,
            mismatched=int((~(errors <= tolerance)).sum()),
            largest_error=float(errors.max()) if np.isfinite(errors).all() else None,
            tolerance=tolerance,
            least_distance=least_distance(expected),
            slower=_slower(other.lane, ready.lane, row_s, reporter),
        )


def _slower(other: Lane, measured: Lane, row_s: float, reporter: Reporter) -> float:
    """How much slower it is; both have just stood still, so that some rows come before those that count."""
    few = measured.whole_queries(_FEW_ROWS)
    for lane in (measured, other, measured):
        reporter.phase("challenge", few * row_s)
        seconds(lane, few)
    # By the slower one's pace: it may take any time where the measured network is not computed at all.
    pace_s = max(row_s, seconds(other, few) / few)
    rows = measured.whole_queries(_RUN_S / pace_s)
    reporter.phase("challenge", 2 * PAIRS * rows * pace_s)
    return time_ratio(lambda pair: other, lambda pair: measured, rows)


def _tolerance(ready: Ready, expected: Named) -> float:
    """The network's error class of what is executed. Single samples of int8 have none and get half the least distance:
    an answer that is further away may be one to another sample. Raises NoChallenge where the class reaches that far."""
    precision, half = ready.placed.on[0].facts.precision_executed, least_distance(expected) / 2
    limit = ready.workload.spec.error_class(precision).at_worst
    if half == 0.0 or (limit > half and math.isfinite(limit)):
        raise NoChallenge(f"its answers to different samples lie only {2 * half:.2g} apart, too close for {precision}")
    return min(limit, half)


def least_distance(expected: Named) -> float:
    """How far apart the answers to two samples lie at least, relative to one of them; infinite for a single one."""
    count = len(next(iter(expected.values())))
    others = [{name: np.roll(array, turn, axis=0) for name, array in expected.items()} for turn in range(1, count)]
    return min((float(worst_sample_errors(other, expected).min()) for other in others), default=math.inf)


def _rows(inputs: Named, part: NDArray[np.int64]) -> Named:
    return {name: array[part] for name, array in inputs.items()}
