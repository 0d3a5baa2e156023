"""Tests, in folders that mirror the rooms; tiers are in conftest.py."""
