"""What engines keep for the whole process is given back after each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def torchs_settings_given_back() -> Iterator[None]:
    """Torch has one of each for the whole process, and other tests share it."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads, products = torch.get_num_threads(), torch.get_float32_matmul_precision()
    yield
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(products)
