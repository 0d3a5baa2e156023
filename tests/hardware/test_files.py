"""Small files of the system: content up to a limit, read as this kernel gives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.hardware.files import _LIMIT, BOOT_ID, Files


def test_content_is_whole_up_to_the_limit(tmp_path: Path) -> None:
    for size in (0, 1, (64 << 10) - 1, 64 << 10, (64 << 10) + 1, _LIMIT - 1, _LIMIT, _LIMIT + 1):
        content = bytes(range(251)) * (size // 251 + 1)
        (tmp_path / "file").write_bytes(content[:size])
        assert Files(tmp_path).raw("file") == content[: min(size, _LIMIT)]
    assert Files(tmp_path).raw("nothing") is None


@pytest.mark.skipif(not Path("/", BOOT_ID).exists(), reason="this system has no such file")
def test_what_the_kernel_makes_on_asking_is_read_too() -> None:
    """A question of megabytes is refused there (ENOMEM), and the file seemed to be missing."""
    assert Files().text(BOOT_ID) == Path("/", BOOT_ID).read_text().strip()
    assert "holds nothing that is known" in Files().why(BOOT_ID)
