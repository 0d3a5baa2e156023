"""Tests of the room `bench/registry`."""
