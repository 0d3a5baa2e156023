"""Rewriting of the graph, one rule a module: each takes a graph and returns one that computes the same."""
