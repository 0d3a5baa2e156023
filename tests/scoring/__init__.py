"""Tests of `bench.scoring`: against slow reference loops, closed forms, theory, and hostile input."""
