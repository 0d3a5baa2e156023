"""Tests of `bench.peaks`: the networks, what a small measurement gives, and where it is kept."""
