"""Exit codes of every command (measurement.md section 8); 1 is only ever a crash. The severest wins."""

from __future__ import annotations

from typing import Final

OK: Final = 0
USAGE: Final = 2
REGRESSION: Final = 10
INVALID: Final = 11
INCONCLUSIVE: Final = 12
INTERRUPTED: Final = 13
