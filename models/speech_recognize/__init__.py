"""Spoken Mandarin of a closed grammar: up to five seconds of waveform in, the log-probabilities of characters out.

The running suite needs `data.py` and the shipped files only; `synthesise`, `train` and `build` make those files.
"""
