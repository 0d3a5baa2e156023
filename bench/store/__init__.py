"""Keeping: where records lie, and writing them so that a kill at any moment loses at most one trial."""
