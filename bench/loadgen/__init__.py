"""Doing the measuring: what is fed, when, by whom, and the raw timeline that comes of it."""
