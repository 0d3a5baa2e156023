"""Tests of `bench.hardware`: machines of several kinds, profiles, and what contradicts them."""
