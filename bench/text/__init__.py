"""Words and figures for people, in every language of the harness. No statistics, no layout; records hold only codes."""

from bench.text.catalogue import LANGUAGES, cell, name, printable, sentence

__all__ = ["LANGUAGES", "cell", "name", "printable", "sentence"]
