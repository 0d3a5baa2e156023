"""Pictures of lists: places, pairs, budgets, fronts and ratios say what the list says."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from bench.plots.budget import Budget
from bench.plots.drawing import new_figure, style, to_png
from bench.plots.forest import Forest
from bench.plots.pareto import Pareto
from bench.plots.places import MOST_ROWS, Places, row_names
from bench.records.comparison import Comparison, Judged
from bench.records.listing import Row, Source
from bench.scoring.distributions import t_quantile
from tests.procurement import made
from tests.report import samples

from .gallery import list_of, of_system, pareto_systems

LIST = list_of()
replace = samples.replace


def drawn(plot: object, lang: str = "en", method: str = "draw") -> object:
    """The axes; raises for any warning."""
    with warnings.catch_warnings(), style(lang):
        warnings.simplefilter("error")
        figure = new_figure(8, 4)
        axes = getattr(plot, method)(figure.subplots(), lang)
        assert to_png(figure, lang).startswith(b"\x89PNG")
    return axes


def test_places_are_those_of_the_list() -> None:
    places = Places.of(LIST)
    assert places is not None
    by_number = {row.number: row.place for row in LIST.rows}
    for row in places.rows:
        found = by_number[row.number]
        assert found is not None
        assert (row.place, row.last, row.tried) == (found.place, found.last, found.places)
        assert (row.score, row.low, row.high) == (found.score, found.low, found.high)
    assert [row.number for row in places.rows][:2] == [4, 3]
    assert [row.place for row in places.rows] == sorted(row.place for row in places.rows)


def test_pairs_are_those_that_differ() -> None:
    places = Places.of(LIST)
    assert places is not None
    (ranking,) = [one for one in LIST.rankings if one.table == "formal"]
    assert places.pairs == {(pair.better, pair.worse): pair.practical for pair in ranking.pairs}
    assert places.pairs[4, 1] is True
    assert places.pairs[3, 2] is False  # under the gap that the policy takes for one
    axes = drawn(places, method="draw_pairs")
    marks = [line.get_marker() for line in axes.lines if len(line.get_xdata()) == 1]  # type: ignore[attr-defined]
    practical = sum(pair.practical for pair in ranking.pairs)
    assert (marks.count("^"), marks.count("v")) == (practical, practical)
    assert marks.count(".") == 2 * (len(ranking.pairs) - practical)


def test_a_long_list_is_drawn_to_its_first_rows_and_says_so() -> None:
    long = list_of(tuple(1.0 + 0.05 * place for place in range(MOST_ROWS + 5)))
    places = Places.of(long)
    assert places is not None
    assert (len(places.rows), places.total) == (MOST_ROWS, MOST_ROWS + 5)
    assert max(row.place for row in places.rows) <= MOST_ROWS
    assert "the first 40 of 45" in drawn(places).get_title("left")  # type: ignore[attr-defined]


def test_an_empty_table_has_no_picture() -> None:
    assert Places.of(LIST, "self-test") is None
    assert Pareto.of_listing(LIST, "self-test") is None
    assert Pareto.of_listing(replace(LIST, policy=replace(LIST.policy, pareto=()))) is None


def test_hostile_names_and_one_row_can_be_drawn() -> None:
    one = list_of((1.0,))
    rows = tuple(replace(row, vendor=samples.HOSTILE, product="\u202e" * 10_000) for row in one.rows)
    hostile = replace(one, rows=rows)
    assert len(row_names(hostile)[1]) < 50
    for plot in (Places.of(hostile), Pareto.of_listing(hostile), Budget.of(rows[0]), Forest.of_row(rows[0], "$x$")):
        drawn(plot)
    drawn(Places.of(hostile), method="draw_pairs")


def test_systems_of_one_name_are_told_apart_by_their_engine() -> None:
    first, second, *others = LIST.rows
    rows = (replace(first, product="P", backend="one"), replace(second, product="P", backend="two"))
    rows = tuple(replace(row, vendor="V") for row in rows) + tuple(replace(row, product="Q") for row in others[:1])
    names = row_names(replace(LIST, rows=rows))
    assert names[first.number] == f"{first.number}  one, V P"
    assert names[second.number] == f"{second.number}  two, V P"
    assert rows[2].backend not in names[rows[2].number]


def test_a_budget_adds_up() -> None:
    row = LIST.rows[0]
    budget = Budget.of(row)
    assert budget is not None
    known = [source.variance for source in row.budget if source.variance is not None]
    assert budget.combined == pytest.approx(math.sqrt(sum(known)))
    assert [part.source for part in budget.parts] == [source.source for source in row.budget]
    assert [part.uncertainty is None for part in budget.parts] == [source.variance is None for source in row.budget]
    texts = [text.get_text() for text in drawn(budget).texts]  # type: ignore[attr-defined]
    assert texts.count("not assessed") == 6
    assert texts[-1] == f"{200.0 * budget.combined:.2g} %"


def test_budgets_of_nothing() -> None:
    row = LIST.rows[0]
    assert Budget.of(replace(row, budget=())) is None
    assert Budget.of(replace(row, budget=(Source(source="clock", variance=None),))) is None
    drawn(
        Budget.of(replace(row, budget=(Source(source="repetition", variance=0.0), Source(source="x", variance=None))))
    )


def test_the_interval_of_a_term_is_students() -> None:
    row = LIST.rows[1]
    forest = Forest.of_row(row, "constants")
    assert forest is not None
    assert [ratio.name for ratio in forest.ratios] == [made.OFFLINE, made.COMMAND, ""]
    for ratio, term in zip(forest.ratios, row.terms, strict=False):
        half = t_quantile(0.95, term.repetitions - 1) * math.sqrt(term.repetition_variance)
        assert ratio.ratio == pytest.approx(term.ratio)
        assert ratio.low == pytest.approx(term.ratio * math.exp(-half))
        assert ratio.high == pytest.approx(term.ratio * math.exp(half))
    assert row.place is not None
    whole = forest.ratios[-1]
    assert (whole.ratio, whole.low, whole.high) == (row.place.score, row.place.low, row.place.high)


def test_rows_by_one_term_or_by_the_whole() -> None:
    names = list(row_names(LIST).values())
    whole = Forest.of_rows(LIST.rows, names, "constants")
    term = Forest.of_rows(LIST.rows, names, "constants", made.COMMAND)
    assert whole is not None
    assert term is not None
    assert whole.ratios[0].system == names[3]
    assert len(term.ratios) == 7
    assert [one.ratio for one in term.ratios] == sorted((one.ratio for one in term.ratios), reverse=True)
    assert Forest.of_rows(LIST.rows, names, "constants", "no.such.metric") is None


def judged(change: float | None, better: str = "higher", **more: object) -> Judged:
    plain = Judged(
        measurement="image_classify.offline.fp32", metric="samples_per_s", unit="1/s", better=better,  # type: ignore[arg-type]
        scale="ratio", margin=0.05, verdict="better", reasons=(), change=change, low=-0.5, high=0.25,
    )  # fmt: skip
    return replace(plain, **more)


def compared(*entries: Judged) -> Comparison:
    return Comparison(first="A", second="B", alpha=0.05, judged=entries)


def test_a_comparison_is_turned_so_that_right_is_better() -> None:
    forest = Forest.of_comparison(compared(judged(0.1), judged(0.1, better="lower")))
    assert forest is not None
    higher, lower = forest.ratios
    assert (higher.ratio, higher.low, higher.high) == pytest.approx((1.1, 0.5, 1.25))
    assert (lower.ratio, lower.low, lower.high) == pytest.approx((1 / 1.1, 1 / 1.25, 1 / 0.5))
    drawn(forest, "zh")


def test_what_has_no_ratio_is_left_out() -> None:
    entries = [judged(None), judged(-1.0), judged(0.1, scale="points")]
    assert Forest.of_comparison(compared(*entries)) is None
    bare = Forest.of_comparison(compared(judged(0.1, low=None, high=None), judged(0.2, low=-1.0)))
    assert bare is not None
    assert all(math.isnan(ratio.low) and math.isnan(ratio.high) for ratio in bare.ratios)
    drawn(bare)


def dominated(values: list[tuple[float, ...]]) -> list[bool]:
    """Slowly: first less is better, then more, then less."""
    signs = np.array([1.0, -1.0, 1.0])[: len(values[0])]
    points = [signs * np.array(value) for value in values]
    return [any((other <= one).all() and (other < one).any() for other in points) for one in points]


def test_the_front_is_what_nobody_beats() -> None:
    found = Pareto.of(pareto_systems(), "image_classify")
    assert found is not None
    assert [axis.rsplit(".", 1)[1] for axis in found.axes] == ["latency_p90_ns", "samples_per_s"]
    values = [tuple(value for value in spot.values if value is not None) for spot in found.spots]
    assert [spot.front for spot in found.spots] == [not beaten for beaten in dominated(values)]
    assert [spot.front for spot in found.spots] == [True, True, False, True]


def energised(joules: list[float | None]) -> Pareto | None:
    systems = pareto_systems()
    for records, amount in zip(systems.values(), joules, strict=True):
        if amount is not None:
            energy = {"device_energy_per_sample_j": samples.measured(amount)}
            records[1] = replace(records[1], metrics={**records[1].metrics, **energy})
    return Pareto.of(systems, "image_classify")


def test_energy_counts_where_all_have_it() -> None:
    found = energised([1.0, 2.0, 0.5, 3.0])
    assert found is not None
    assert len(found.axes) == 3
    assert [spot.front for spot in found.spots] == [True, True, True, True]
    texts = [text.get_text() for text in drawn(found).texts]  # type: ignore[attr-defined]
    assert texts[0] == "NVIDIA H100 80GB HBM3, 1.00 J"
    some = energised([1.0, None, 0.5, 3.0])
    assert some is not None
    assert len(some.axes) == 2


def test_what_is_void_is_no_point() -> None:
    systems = {"a": [of_system(0, samples.invalid()), of_system(0, samples.record("offline"))]}
    assert Pareto.of(systems, "image_classify") is None
    assert Pareto.of({}, "image_classify") is None
    assert Pareto.of(pareto_systems(), samples.HOSTILE) is None


def test_the_front_of_a_list_is_the_lists() -> None:
    found = Pareto.of_listing(LIST)
    assert found is not None
    front = {number for number, row in enumerate(LIST.rows, 1) if row.on_pareto_front}
    assert {spot.system.split()[0] for spot in found.spots if spot.front} == {str(number) for number in front}
    values = {row.number: [term.value for term in row.terms] for row in LIST.rows}
    assert all(list(spot.values) == values[int(spot.system.split()[0])] for spot in found.spots)


def test_a_value_may_come_from_a_gate() -> None:
    row: Row = LIST.rows[0]
    bare = replace(row, terms=tuple(term for term in row.terms if term.metric != made.COMMAND))
    found = Pareto.of_listing(replace(LIST, rows=(bare,)))
    assert found is not None
    gate = next(gate for gate in row.gates if gate.gate == made.COMMAND)
    assert found.spots[0].values[1] == gate.value
