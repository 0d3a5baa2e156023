"""Tests of `bench.fleet`: on agents in this process, and in the full tier on Ray clusters of several nodes here."""
