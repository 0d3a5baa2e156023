"""Tests of `bench.text`: catalogues that match each other and the tables of codes, and figures as they are printed."""
