"""Where trainings keep what can be made again."""

from __future__ import annotations

import os
from pathlib import Path


def training_cache(workload: str) -> Path:
    """Folder of a workload under BENCH_CACHE, or under the user's cache folder; nothing is made."""
    import platformdirs

    root = os.environ.get("BENCH_CACHE") or platformdirs.user_cache_dir("inference-bench")
    return Path(root) / workload
