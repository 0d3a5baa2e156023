"""`bench.tasks.verify`: two embeddings are as alike as their directions."""

from __future__ import annotations

import math

import numpy as np

from bench.tasks.verify import cosines


def test_cosines_are_those_of_plain_python() -> None:
    rng = np.random.default_rng(0)
    embeddings = (rng.normal(size=(7, 2, 3)) * 50).astype(np.float32)
    found = cosines({"e": embeddings}, np.array([6, 0]), np.array([1, 2, 3]))
    assert found.shape == (2, 3)
    for row, i in enumerate((6, 0)):
        for column, j in enumerate((1, 2, 3)):
            a, b = embeddings[i].ravel().tolist(), embeddings[j].ravel().tolist()
            dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
            slow = dot / math.sqrt(math.fsum(x * x for x in a)) / math.sqrt(math.fsum(y * y for y in b))
            assert abs(found[row, column] - slow) < 1e-12


def test_the_first_output_counts() -> None:
    outputs = {"e": np.eye(2, dtype=np.float32), "z": np.zeros((2, 5), np.float32)}
    assert cosines(outputs, np.array([0]), np.array([0, 1])).tolist() == [[1.0, 0.0]]


def test_without_a_direction_nobody_is_accepted() -> None:
    embeddings = np.ones((4, 3), np.float32)
    embeddings[1], embeddings[2, 1], embeddings[3, 0] = 0.0, np.nan, np.inf
    everyone = np.arange(4)
    found = cosines({"e": embeddings}, everyone, everyone)
    expected = np.full((4, 4), -1.0)
    expected[0, 0] = 1.0
    np.testing.assert_allclose(found, expected, atol=1e-12)
