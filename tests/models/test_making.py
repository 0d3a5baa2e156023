"""What the makings of the workloads share: a training that goes on where it was killed, figures, reference answers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

torch = pytest.importorskip("torch")

from bench.models.making import rendered  # noqa: E402
from bench.models.making.batch_norms import recalibrate  # noqa: E402
from bench.models.making.figures import put_figures, target  # noqa: E402
from bench.models.making.reference import answers_in_double, write_reference  # noqa: E402
from bench.models.making.roundings import rounded  # noqa: E402
from bench.models.making.training import Plan, load_checkpoint, train  # noqa: E402
from bench.records.numbers import Interval  # noqa: E402

MODELS = Path(__file__).parents[2] / "models"
PLAN = Plan(
    steps=150, batch=16, rate=5e-2, decay=0.01, seed=3, vector_factor=2.0, bfloat16_on_cpu=False, check_every=75
)


class Signs:
    """Which of two halves of a vector is larger: learned in a hundred steps."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at = stop_at

    def batch(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if step == self.stop_at:
            raise KeyboardInterrupt
        inputs = np.random.default_rng([PLAN.seed, step]).standard_normal((PLAN.batch, 8)).astype(np.float32)
        return inputs, (inputs[:, :4].sum(1) > inputs[:, 4:].sum(1)).astype(np.int64)

    def loss(self, outputs: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(outputs.float(), truth)

    def check(self, network: torch.nn.Module) -> str:
        inputs, truth = self.batch(10_000)
        with torch.no_grad():
            return f"right {(network.eval()(torch.from_numpy(inputs)).argmax(1).numpy() == truth).mean():.2f}"


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(8, 16), torch.nn.BatchNorm1d(16), torch.nn.ReLU(), torch.nn.Linear(16, 2)
    )


def test_a_training_goes_on_where_it_was_cut_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, cut = tmp_path / "whole.pt", tmp_path / "cut.pt"
    train(network(), Signs(), PLAN, whole)
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in said] == ["50", "75", "100", "150", "150"]
    assert float(said[-1].rpartition(" ")[2]) > 0.8
    with pytest.raises(KeyboardInterrupt):
        train(network(), Signs(stop_at=120), PLAN, cut)  # it kept what it was at step 100
    train(network(), Signs(), PLAN, cut)
    ends = [network(), network(), network()]
    for path, one in zip((whole, cut), ends, strict=False):
        load_checkpoint(path, one)
    expected, found, start = (one.state_dict() for one in ends)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert not torch.equal(expected["0.weight"], start["0.weight"])
    train(network(), Signs(stop_at=0), PLAN, whole)  # nothing is left to do, so nothing is asked for


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [PLAN.learning_rate(step) for step in range(PLAN.steps)]
    warm = PLAN.steps // 20
    assert rates[0] == pytest.approx(PLAN.rate / warm)
    assert max(rates) == pytest.approx(PLAN.rate)
    assert np.argmax(rates) in (warm - 1, warm)
    assert rates[warm:] == sorted(rates[warm:], reverse=True)
    assert 0 <= rates[-1] < PLAN.rate / 1000


def test_batch_norms_are_the_plain_average_over_all_batches() -> None:
    norm = torch.nn.BatchNorm1d(3)
    inputs = np.random.default_rng(2).standard_normal((72, 3)).astype(np.float32) * 3 + 1  # three batches
    norm(torch.from_numpy(inputs * 100))
    recalibrate(norm, inputs)
    assert not norm.training
    np.testing.assert_allclose(norm.running_mean.numpy(), inputs.mean(0), rtol=1e-5)
    variances = inputs.reshape(3, 24, 3).var(axis=1, ddof=1).mean(0)
    np.testing.assert_allclose(norm.running_var.numpy(), variances, rtol=1e-5)


@pytest.mark.parametrize(("bits", "levels"), [(4, 15), (8, 255)])
def test_rounded_weights_have_so_many_levels(bits: int, levels: int) -> None:
    module = torch.nn.Conv2d(64, 64, 5)
    with torch.no_grad():
        module.weight *= torch.linspace(0.01, 1, 64).reshape(-1, 1, 1, 1)
    before = module.weight.clone()
    whole, each = rounded(module, bits), rounded(module, bits, per_channel=True)
    assert len(torch.unique(whole.weight)) == levels
    assert all(len(torch.unique(channel)) <= levels for channel in each.weight)
    assert torch.equal(module.weight, before)
    worst = [(one.weight - before).abs().amax(dim=(1, 2, 3)) for one in (whole, each)]
    steps = [before.abs().max() / (levels // 2), before.abs().amax(dim=(1, 2, 3)) / (levels // 2)]
    assert all((error <= step / 2 * 1.0001).all() for error, step in zip(worst, steps, strict=True))
    assert worst[1][0] < worst[0][0] / 4  # the weakest channel gains


def test_answers_that_are_there_are_not_computed_again(tmp_path: Path) -> None:
    module = torch.nn.Linear(4, 3)
    samples = np.random.default_rng(4).standard_normal((40, 4))
    asked: list[int] = []

    def some(last: int) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
        def take(indices: NDArray[np.int64]) -> NDArray[np.float64]:
            if indices.max() >= last:
                raise KeyboardInterrupt
            asked.extend(indices.tolist())
            return samples[indices]

        return take

    kept = tmp_path / "deep" / "answers.npy"
    with pytest.raises(KeyboardInterrupt):
        answers_in_double(module, some(32), 40, kept)
    asked.clear()
    found = answers_in_double(module, some(40), 40, kept)
    assert asked == list(range(32, 40))
    weight, bias = module.weight.detach().numpy(), module.bias.detach().numpy()
    assert (weight.dtype, found.dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(found, samples @ weight.T + bias, rtol=1e-6)


def test_figures_replace_what_stands_behind_their_beginning(tmp_path: Path) -> None:
    file = tmp_path / "w.toml"
    file.write_text('a = 1\nab = "x"\n[int8]\na = 7\n[other]\n# of 3 things.\n', encoding="utf-8")
    put_figures(file, {"a = ": "2", "# of ": "五 things."})
    assert file.read_text(encoding="utf-8") == 'a = 2\nab = "x"\n[int8]\na = 7\n[other]\n# of 五 things.\n'
    before = file.read_bytes()
    for wrong in ("b = ", "a"):
        with pytest.raises(ValueError, match=f"lines that begin with `{wrong}`; expected one"):
            put_figures(file, {"a = ": "3", wrong: "4"})
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["image_classify", "image_classify_edge"])
def test_the_figures_of_the_suite_are_the_computed_ones(name: str, tmp_path: Path) -> None:
    import importlib
    import json

    from bench.models.image_classify.build import figures

    made = importlib.import_module(f"bench.models.{name}.train")
    classifier = made.RESNET50 if name == "image_classify" else made.MOBILENET
    kept = json.loads((classifier.reference / "reference.json").read_text())
    computed = figures(classifier, kept["value"])
    computed.pop(next(key for key in computed if key.startswith("weights")))  # the day on which they were built
    file = shutil.copy(MODELS / name / "workload.toml", tmp_path)
    put_figures(Path(file), computed)
    assert Path(file).read_bytes() == (MODELS / name / "workload.toml").read_bytes()


def test_the_target_is_99_percent_rounded_down() -> None:
    assert [target(value) for value in (1.0, 0.97166, 0.95, 0.0)] == [0.99, 0.961, 0.94, 0.0]


def test_stored_outputs_are_what_was_given_however_it_lies_in_memory(tmp_path: Path) -> None:
    turned = np.arange(24, dtype=np.float32).reshape(2, 4, 3).transpose(0, 2, 1)
    interval = Interval(low=0.0, high=1.0, confidence=0.95, kind="wilson")
    write_reference(tmp_path, {"turned": turned}, "top1", 0.5, interval, "digest")
    assert np.array_equal(load_file(tmp_path / "outputs.safetensors")["turned"], turned)


def _numbers(numbers: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    return np.broadcast_to(numbers[:, None, None, None], (len(numbers), 3, 4, 4)).astype(np.uint8), 10 * numbers


def _broken(numbers: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    raise ValueError("no light")


def test_training_pictures_are_rendered_once_and_only_whole(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "training-7.npy"
    with pytest.raises(ValueError, match="no light"):
        rendered.training_set(path, 7, 4, _broken, chunk=3, workers=1)
    assert list(path.parent.iterdir()) == [], "nothing of what broke is taken for a set"
    images, labels = rendered.training_set(path, 7, 4, _numbers, chunk=3, workers=2)
    assert (images[:, 0, 0, 0].tolist(), labels.tolist()) == (list(range(7)), [10 * one for one in range(7)])
    assert images.shape == (7, 3, 4, 4)
    again, _ = rendered.training_set(path, 7, 4, _broken, chunk=3, workers=1)
    assert isinstance(again, np.memmap)
    assert sorted(one.name for one in path.parent.iterdir()) == ["training-7-labels.npy", "training-7.npy"]
    path.with_name("training-7-labels.npy").unlink()  # killed between the two names: rendered again
    assert rendered.training_set(path, 7, 4, _numbers, chunk=7, workers=1)[1].tolist()[-1] == 60
