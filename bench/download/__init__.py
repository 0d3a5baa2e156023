"""Fetching files that do not ship with the harness, pinned to their SHA-256: which are known, and how one comes."""
