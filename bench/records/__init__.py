"""Frozen, typed, versioned records; the values that pass between all rooms. No behaviour beyond validation."""
