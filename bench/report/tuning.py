"""What tuning tried and chose, as labelled lines: the choice first, then the candidates from the best on."""

from __future__ import annotations

from statistics import median

from bench.records.metrics import METRICS
from bench.records.record import Record
from bench.records.tuning import Candidate, Choice, Tuning
from bench.report.details import Section, section
from bench.text import figures, name, printable, sentence

# The record has them all.
_MOST_SHOWN = 12


def tuning_section(record: Record, lang: str) -> Section:
    """Without lines where nothing was tuned."""
    tuning = record.tuning
    if tuning is None:
        return section(lang, "tuning", [])
    head = section(lang, "tuning", _head(tuning, lang))
    ranked = sorted(tuning.candidates, key=lambda one: _rank(one, tuning.metric))
    shown = tuple((_choice(one.choice, lang), _outcome(one, tuning, lang)) for one in ranked[:_MOST_SHOWN])
    left = len(ranked) - len(shown)
    rest = ((sentence(lang, "detail.tuning_more"), figures.count(left)),) if left else ()
    return Section(title=head.title, lines=(*head.lines, *shown, *rest))


def _head(tuning: Tuning, lang: str) -> list[tuple[str, str | None]]:
    cost = sentence(
        lang,
        "detail.tuning_cost_text",
        candidates=len(tuning.candidates),
        time=figures.duration(tuning.seconds),
        budget=figures.duration(tuning.budget_s),
    )
    ended = sentence(lang, "detail.tuning_exhausted_text") if tuning.exhausted else None
    metric = name(lang, "metric", f"{tuning.metric}.name").removesuffix(".name") if tuning.metric else figures.NONE
    return [
        ("tuning_cost", cost),
        ("tuning_exhausted", ended),
        ("tuning_metric", metric),
        ("tuning_chosen", _choice(tuning.chosen, lang)),
        ("tuning_reason", name(lang, "tuning_reason", tuning.reason)),
        ("tuning_gain", _gain(tuning, lang)),
    ]


def _gain(tuning: Tuning, lang: str) -> str | None:
    if tuning.gain is None or tuning.gain.value is None:
        return None
    found = tuning.gain.interval
    interval = f" [{found.low:.3f}, {found.high:.3f}]" if found is not None else ""  # its kind stands in the record
    return sentence(lang, "detail.tuning_gain_text", ratio=f"{tuning.gain.value:.3f}{interval}", pairs=tuning.pairs)


def _choice(choice: Choice, lang: str) -> str:
    text = sentence(lang, "detail.tuning_choice", batch=choice.batch, workers=choice.workers, threads=choice.threads)
    if choice.max_wait_ns:
        return text + sentence(lang, "detail.tuning_wait", wait=figures.latency(choice.max_wait_ns))
    return text


def _outcome(candidate: Candidate, tuning: Tuning, lang: str) -> str:
    if candidate.failure is not None:
        return sentence(lang, "detail.tuning_failed", failure=printable(candidate.failure))
    if not candidate.figures or tuning.metric is None or tuning.metric not in METRICS:
        return figures.NONE
    value = figures.figure(METRICS[tuning.metric].unit, median(candidate.figures))
    return sentence(lang, "detail.tuning_figure", value=value, trials=len(candidate.figures))


def _rank(candidate: Candidate, metric: str | None) -> tuple[bool, bool, float]:
    """The best first; then those without a figure, then those that failed."""
    lower = metric is not None and metric in METRICS and METRICS[metric].better == "lower"
    value = median(candidate.figures) if candidate.figures else 0.0
    return candidate.failure is not None, not candidate.figures, value if lower else -value
