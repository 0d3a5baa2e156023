"""The driver collects garbage before each run; in a test process full of modules that would be most of the time."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="package")
def frozen() -> Iterator[None]:
    """What is alive before the tests is not looked at by the collector."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
