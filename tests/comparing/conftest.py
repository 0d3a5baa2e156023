"""Fixtures of these tests: the command line gives signals back."""

from tests.cli.conftest import quiet_signals

__all__ = ["quiet_signals"]
