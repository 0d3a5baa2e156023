"""Tuning: the rules of comparison without processes, and whole tunings on the fake backend."""
