"""Tests of what is built, installed and set up: wheel, sdist, constraints, Makefile, offline recipe."""
