"""Tests of `bench.power`: trees of powercap and hwmon, scripted cards, controllers and meters."""
