"""Spoken Mandarin commands: one second of waveform in, one of 32 command classes out.

The running suite needs `data.py` and the shipped files only; `synthesise`, `train` and `release` build those files.
"""
