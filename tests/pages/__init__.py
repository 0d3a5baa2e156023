"""Tests of `bench.pages`: what stands in the HTML of good, void, partial, failed and hostile records."""
