"""A site with a file of its own for each test, and no proxy between it and us."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from .site import Site


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Site(np.random.default_rng(3).bytes(300_007)) as one:
        yield one
