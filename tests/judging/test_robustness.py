"""`bench.judging.robustness`: losses counted sample by sample, and a warning where an engine breaks under stress."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy import stats

from bench.backends.base import Tensor
from bench.judging.robustness import judge_robustness
from bench.loadgen.keeping import INDICES
from bench.loadgen.robustness import STRESSED_SHA256
from bench.models.stress import conditions_of
from bench.models.stress_reference import CLEAN, StressReference, packed
from bench.records.findings import Finding
from bench.records.robustness import Robustness
from bench.scoring.quality import wilson

from .test_quality import CLASSES, SPEC, Crafted

COUNT = 600
DIGEST = "same"


class Stressable(Crafted):
    """Pictures with labels, and a reference that is right about fewer of them the higher the level."""

    def __init__(self, stored: int = COUNT, digest: str = DIGEST) -> None:
        super().__init__(COUNT)
        picture = Tensor(name="x", dtype="uint8", shape=(3, 8, 8))
        self.spec = msgspec.structs.replace(self.spec, inputs=(picture,))
        hard = np.random.default_rng(2).random(COUNT)
        self.right = {CLEAN: hard < 0.9}
        self.right |= {one.name: hard < 0.9 - 0.15 * one.level for one in conditions_of(self.spec)}
        self._stored, self._digest = stored, digest

    def stress_reference(self) -> StressReference | None:
        if not self._stored:
            return None
        return StressReference(
            metric="top1",
            samples=self._stored,
            stressed_sha256=self._digest,
            computed_with={},
            amounts={one.name: one.amount for one in conditions_of(self.spec)},
            values={},
            right={name: packed(right[: self._stored]) for name, right in self.right.items()},
        )

    def logits_of(self, right: NDArray[np.bool_]) -> NDArray[np.float32]:
        answers = np.where(right, self.labels, (self.labels + 1) % CLASSES)
        return np.eye(CLASSES, dtype=np.float32)[answers]


def judged(
    folder: Path,
    workload: Stressable,
    indices: NDArray[np.int64] | None = None,
    changed: dict[str, NDArray[np.float32]] | None = None,
) -> tuple[Robustness, list[Finding]]:
    """The verdict on the reference's own answers to `indices` (default: all), but for `changed` ones."""
    indices = np.arange(COUNT) if indices is None else indices
    logits = {name: workload.logits_of(right) for name, right in workload.right.items()} | (changed or {})
    for part, arrays in (
        ("quality", {"logits": logits.pop(CLEAN)[indices]}),
        ("stressed", {f"{name}/logits": array[indices] for name, array in logits.items()}),
    ):
        (folder / part).mkdir(parents=True)
        kept = {name: np.ascontiguousarray(array) for name, array in arrays.items()} | {INDICES: indices}
        save_file(kept, folder / part / "outputs.safetensors", {STRESSED_SHA256: DIGEST})
    robustness, findings = judge_robustness(folder, workload, "standard")
    assert robustness is not None
    return robustness, list(findings)


def test_the_figures_are_those_of_a_count(tmp_path: Path) -> None:
    workload = Stressable()
    found, findings = judged(tmp_path, workload)
    assert findings == [], "who answers as the reference loses no more"
    clean = workload.right[CLEAN]
    assert (found.metric, found.samples, found.reference_samples) == ("top1", COUNT, COUNT)
    assert found.value == clean.mean()
    assert found.interval == wilson(int(clean.sum()), COUNT)
    assert len(found.stressed) == 12
    for one in found.stressed:
        right = workload.right[f"{one.corruption}.{one.level}"]
        assert one.value == right.mean()
        assert one.loss == pytest.approx(clean.mean() - right.mean(), abs=1e-12)
        assert one.loss_interval.low < one.loss < one.loss_interval.high
        assert one.interval == wilson(int(right.sum()), COUNT)
        assert (one.reference_value, one.reference_loss) == (right.mean(), pytest.approx(one.loss))
        assert (one.excess_loss, one.larger_loss_p) == (pytest.approx(0.0), 1.0)


def test_an_engine_that_breaks_under_one_corruption_is_warned_of_at_its_worst_level(tmp_path: Path) -> None:
    workload = Stressable()
    broken = {
        f"noise.{level}": workload.right[f"noise.{level}"] & (np.arange(COUNT) % (6 - level) > 0) for level in (1, 3)
    }
    found, findings = judged(tmp_path, workload, None, {name: workload.logits_of(one) for name, one in broken.items()})
    (entry,) = findings
    assert (entry.code, entry.severity, entry.subject) == ("robustness-loss", "warning", "noise")
    by_name = {f"{one.corruption}.{one.level}": one for one in found.stressed}
    worst = max((by_name[name] for name in broken), key=lambda one: one.excess_loss or 0.0)
    assert (entry.seen, entry.limit) == (worst.loss, worst.reference_loss)
    lost = int((workload.right["noise.1"] & ~broken["noise.1"]).sum())
    expected = stats.binomtest(lost, lost, alternative="greater").pvalue
    assert by_name["noise.1"].larger_loss_p == pytest.approx(expected)
    assert by_name["noise.1"].excess_loss == pytest.approx(lost / COUNT)


def test_a_small_or_a_chance_difference_is_no_finding(tmp_path: Path) -> None:
    workload, rng = Stressable(), np.random.default_rng(0)
    plain = workload.right["blur.2"]
    few = plain & (np.cumsum(plain) > 5)  # five more are lost: too few to be sure, and less than one per cent
    traded = plain ^ (rng.random(COUNT) < 0.05)
    assert judged(tmp_path / "few", workload, None, {"blur.2": workload.logits_of(few)})[1] == []
    gained = plain | (rng.random(COUNT) < 0.2)
    assert judged(tmp_path / "more", workload, None, {"blur.2": workload.logits_of(gained)})[1] == []
    half = workload.logits_of(np.where(workload.right["low_light.3"], traded, traded))
    assert all(entry.severity == "warning" for entry in judged(tmp_path / "t", workload, None, {"blur.2": half})[1])


def test_a_subset_is_compared_with_the_same_samples(tmp_path: Path) -> None:
    workload, indices = Stressable(), np.arange(5, COUNT, 7)
    found, findings = judged(tmp_path, workload, indices)
    assert findings == []
    assert found.reference_samples == found.samples == len(indices)
    for one in found.stressed:
        assert one.reference_value == workload.right[f"{one.corruption}.{one.level}"][indices].mean()
        assert one.excess_loss == pytest.approx(0.0)


def test_a_reference_of_the_first_samples_is_compared_on_those(tmp_path: Path) -> None:
    workload = Stressable(stored=250)
    found, findings = judged(tmp_path, workload)
    assert (findings, found.reference_samples, found.samples) == ([], 250, COUNT)
    assert all(one.excess_loss == pytest.approx(0.0) and one.larger_loss_p == 1.0 for one in found.stressed)
    assert found.stressed[0].reference_value == workload.right["blur.1"][:250].mean()


@pytest.mark.parametrize(
    "workload", [Stressable(stored=0), Stressable(stored=99), Stressable(digest="of other samples")]
)
def test_without_a_reference_of_these_samples_the_losses_stand_alone(tmp_path: Path, workload: Stressable) -> None:
    found, findings = judged(tmp_path, workload)
    assert (findings, found.reference_samples) == ([], 0)
    assert all(one.reference_loss is None and one.larger_loss_p is None for one in found.stressed)
    assert found.stressed[2].loss > 0.3


def test_a_level_that_was_of_another_strength_has_no_reference(tmp_path: Path) -> None:
    class Older(Stressable):
        def stress_reference(self) -> StressReference | None:
            kept = super().stress_reference()
            assert kept is not None
            return msgspec.structs.replace(kept, amounts=kept.amounts | {"blur.1": 0.5})

    found, _ = judged(tmp_path, Older())
    assert [one.reference_loss is None for one in found.stressed] == [True] + [False] * 11


def test_answers_that_hold_nan_are_wrong(tmp_path: Path) -> None:
    workload = Stressable()
    broken = workload.logits_of(workload.right["low_light.1"])
    broken[::2] = np.nan
    found, findings = judged(tmp_path, workload, None, {"low_light.1": broken})
    (one,) = (one for one in found.stressed if (one.corruption, one.level) == ("low_light", 1))
    assert one.value == workload.right["low_light.1"][1::2].sum() / COUNT
    assert [entry.subject for entry in findings] == ["low_light"]


def test_nothing_is_said_where_nothing_was_asked(tmp_path: Path) -> None:
    assert judge_robustness(tmp_path, Stressable(), "quick") == (None, ())
    assert SPEC.task == "classify"
