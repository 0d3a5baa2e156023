"""Raw outputs against a reference: relative error per sample, agreement of the top answer (measurement.md, 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.records.numbers import Refusal, RelativeError
from bench.scoring.columns import Floats

Outputs = npt.NDArray[Any]
_CHUNK: Final = 1 << 20  # elements turned into float64 at a time, so that memory stays far below the outputs' own


def _check(candidate: Outputs, reference: Outputs) -> None:
    if candidate.shape != reference.shape or candidate.ndim < 2 or candidate.size == 0:
        raise ValueError(f"shapes {candidate.shape} and {reference.shape}: expected the same (samples, ...), not empty")
    if not np.isfinite(reference).all():
        raise ValueError("the reference outputs hold NaN or infinity")


def _pieces(candidate: Outputs, reference: Outputs) -> Iterator[tuple[slice, Floats, Floats]]:
    step = max(1, _CHUNK // (candidate.size // len(candidate)))
    for first in range(0, len(candidate), step):
        part = slice(first, min(first + step, len(candidate)))
        rows = part.stop - first
        yield (
            part,
            candidate[part].reshape(rows, -1).astype(np.float64),
            reference[part].reshape(rows, -1).astype(np.float64),
        )


def unfinished(outputs: Mapping[str, Outputs]) -> int:
    """How many samples hold NaN or infinity in any of the arrays (samples, …)."""
    finite = [np.isfinite(array.reshape(len(array), -1)).all(axis=1) for array in outputs.values()]
    return int((~np.logical_and.reduce(finite)).sum())


def sample_errors(candidate: Outputs, reference: Outputs) -> Floats:
    """‖a - b‖₂ / ‖b‖₂ of each sample, (samples,); arrays of the same shape (samples, ...), each flattened, in float64.

    A sample whose reference is all zero is held against the root mean square norm of the reference samples instead, so
    that the figure stays finite. Infinite where either holds NaN or infinity, and where the whole reference is zero
    and the candidate is not.
    """
    # One common scale: squares of values near the ends of float64 would overflow or vanish.
    ends = np.array([abs(float(end)) for a in (candidate, reference) for end in (a.min(), a.max())])
    scale = float(ends[np.isfinite(ends)].max(initial=0.0)) or 1.0
    error, norm = np.empty(len(candidate)), np.empty(len(candidate))
    with np.errstate(invalid="ignore"):
        for part, a, b in _pieces(candidate, reference):
            error[part] = np.linalg.norm(a / scale - b / scale, axis=1)
            norm[part] = np.linalg.norm(b / scale, axis=1)
    lawful = np.isfinite(error) & np.isfinite(norm)
    typical = float(np.sqrt(np.mean(norm[lawful] ** 2))) if lawful.any() else 0.0
    held_against = np.where(norm > 0.0, norm, typical)
    result = np.full(len(candidate), np.inf)
    result[error == 0.0] = 0.0
    np.divide(error, held_against, out=result, where=lawful & (held_against > 0.0))
    return result


def relative_error(candidate: Outputs, reference: Outputs) -> RelativeError | Refusal:
    """Median and maximum of `sample_errors`.

    Refused with `non-finite-output` when the candidate holds NaN or infinity (seen: the
    samples that do), with `quality-not-verified` when the whole reference is zero and the candidate is not.
    Raises ValueError when shapes differ, there are no samples, or the reference is not finite.
    """
    _check(candidate, reference)
    bad = sum(int(np.count_nonzero(~np.isfinite(a).all(axis=1))) for _, a, _ in _pieces(candidate, reference))
    if bad:
        return Refusal(code="non-finite-output", seen=float(bad), limit=0.0)
    errors = sample_errors(candidate, reference)
    if not np.isfinite(errors).all():
        return Refusal(code="quality-not-verified", seen=0.0, limit=0.0)
    return RelativeError(median=float(np.median(errors)), max=float(errors.max()))


def worst_sample_errors(candidates: Mapping[str, Outputs], references: Mapping[str, Outputs]) -> Floats:
    """`sample_errors` of each sample's worst output, (samples,), over the outputs in `references`."""
    worst: Floats = np.max([sample_errors(candidates[name], stored) for name, stored in references.items()], axis=0)
    return worst


def worst_output_error(
    candidates: Mapping[str, Outputs], references: Mapping[str, Outputs], by_median: bool = False
) -> RelativeError | Refusal:
    """`relative_error` of that output in `references` whose largest error, or median one if asked, is the largest.

    Raises ValueError without any, and as `relative_error`.
    """
    if not references:
        raise ValueError("there are no reference outputs to compare with")
    found = [relative_error(candidates[name], stored) for name, stored in references.items()]
    refused = next((one for one in found if isinstance(one, Refusal)), None)
    if refused is not None:
        return refused
    errors = [one for one in found if isinstance(one, RelativeError)]
    return max(errors, key=lambda one: one.median if by_median else one.max)


def agreement(candidate: Outputs, reference: Outputs) -> float:
    """Share of the samples whose largest output stands at the same place; scores of shape (samples, classes).

    Of equal outputs the first counts. A sample whose candidate holds NaN or infinity disagrees, whatever its argmax.
    Raises ValueError when shapes differ or are not two-dimensional, or the reference is not finite.
    """
    _check(candidate, reference)
    if candidate.ndim != 2:
        raise ValueError(f"scores have shape {candidate.shape}, expected (samples, classes)")
    same = candidate.argmax(axis=1) == reference.argmax(axis=1)
    return float(np.mean(same & np.isfinite(candidate).all(axis=1)))
