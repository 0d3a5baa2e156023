"""`bench.records.hashing`: equal values give equal hashes on every machine, other values other ones."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.hashing import arrays_hash, derive_seed, record_hash

from ..fixtures import HOST, MEASUREMENT, measurement


def test_a_hash_is_that_of_the_sorted_json() -> None:
    expected = hashlib.sha256(b'{"a":[1,2.5,"x",null,true],"b":{"c":1,"d":2}}').hexdigest()
    assert record_hash({"b": {"d": 2, "c": 1}, "a": [1, 2.5, "x", None, True]}) == "sha256:" + expected


def test_equal_records_hash_alike_and_others_do_not() -> None:
    assert record_hash(MEASUREMENT) == record_hash(measurement())
    assert record_hash(MEASUREMENT) != record_hash(measurement(batch=2))


def test_a_hash_does_not_depend_on_the_process() -> None:
    script = "from bench.records.hashing import record_hash; print(record_hash({str(i): {i} for i in range(50)}))"
    found = {
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {record_hash({str(i): {i} for i in range(50)}) + "\n"}


def test_records_with_text_of_any_script_hash() -> None:
    assert record_hash(HOST).startswith("sha256:")
    assert record_hash("视频") == "sha256:" + hashlib.sha256('"视频"'.encode()).hexdigest()


def test_array_hash_is_over_names_types_shapes_and_bytes() -> None:
    arrays = {"b": np.arange(6, dtype=np.int32).reshape(2, 3), "a": np.float64(1.5) * np.ones(())}
    digest = hashlib.sha256()
    digest.update(b"a:<f8:(1,);" + np.array([1.5]).tobytes())
    digest.update(b"b:<i4:(2, 3);" + np.arange(6, dtype="<i4").tobytes())
    assert arrays_hash(arrays) == "sha256:" + digest.hexdigest()


def test_array_hash_sees_values_not_layout() -> None:
    plain = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert arrays_hash({"x": plain}) == arrays_hash({"x": np.asfortranarray(plain)})
    assert arrays_hash({"x": plain[:, ::2]}) == arrays_hash({"x": plain[:, ::2].copy()})
    assert arrays_hash({"x": np.empty((0, 3), np.float32)}) != arrays_hash({"x": np.empty((0, 4), np.float32)})


@pytest.mark.parametrize(
    "other",
    [
        {"y": np.zeros(4, np.float32)},
        {"x": np.zeros(4, np.int32)},
        {"x": np.zeros((2, 2), np.float32)},
        {"x": np.array([0, 0, 0, 1], np.float32)},
        {"x": np.zeros(4, np.float32), "y": np.zeros(1)},
    ],
)
def test_array_hash_tells_apart(other: dict[str, np.ndarray]) -> None:
    assert arrays_hash({"x": np.zeros(4, np.float32)}) != arrays_hash(other)


def test_a_seed_is_the_first_eight_bytes_of_the_hash_of_its_path() -> None:
    """Written out, so that seeds of old records stay what they were."""
    expected = int.from_bytes(hashlib.sha256(b"0:image_classify.offline.fp32:3").digest()[:8], "little") >> 1
    assert derive_seed(0, "image_classify.offline.fp32", 3) == expected


@given(st.integers(0, 2**63 - 1), st.lists(st.integers() | st.text(max_size=5), max_size=3))
def test_seeds_have_63_bits_and_repeat(nonce: int, path: list[int | str]) -> None:
    seed = derive_seed(nonce, *path)
    assert 0 <= seed < 2**63
    assert seed == derive_seed(nonce, *path)


def test_no_two_uses_share_a_seed() -> None:
    seeds = {derive_seed(nonce, use, index) for nonce in range(5) for use in ("load", "order") for index in range(20)}
    assert len(seeds) == 200
