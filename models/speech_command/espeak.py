"""Speech from text through the espeak-ng library, for building data only.

Mandarin voice "cmn" with espeak-ng's speaker variants; nothing that runs the suite imports this.
"""

from __future__ import annotations

import ctypes
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

SAMPLE_RATE = 16_000

_SYNCHRONOUS, _UTF8, _RATE, _PITCH, _RANGE, _BY_CHARACTER = 2, 1, 1, 3, 4, 1
_SILENCE_DB = -40.0
_MARGIN_SAMPLES = 160
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Synthesiser:
    """The espeak-ng library; it holds global state, so one object per process."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library: Any = ctypes.CDLL(espeakng_loader.get_library_path())  # Any: a C library has no types
        data = espeakng_loader.get_data_path().encode()
        self._native_rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0))
        if self._native_rate <= 0:
            raise RuntimeError(f"espeak-ng did not start with the data folder {data.decode()}")
        self._chunks: list[NDArray[np.int16]] = []
        self._callback = _Callback(self._receive)  # kept, for the library holds only its address
        self._library.espeak_SetSynthCallback(self._callback)

    @property
    def version(self) -> str:
        """Version of the library, "1.52.0" say."""
        self._library.espeak_Info.restype = ctypes.c_char_p
        return str(self._library.espeak_Info(None).decode())

    def speak(self, text: str, voice: str, rate: int, pitch: int, pitch_range: int) -> NDArray[np.float64]:
        """Return `text` as float64 (n,) at 16 kHz, silence trimmed, peak 1."""
        library = self._library
        if library.espeak_SetVoiceByName(f"cmn+{voice}".encode()) != 0:
            raise ValueError(f"espeak-ng has no voice variant {voice!r}")
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        self._chunks = []
        encoded = text.encode()
        library.espeak_Synth(encoded, len(encoded) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None)
        return _prepare(np.concatenate(self._chunks).astype(np.float64), self._native_rate)

    def _receive(self, samples: Any, count: int, _events: object) -> int:  # Any: a ctypes pointer
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0


def _prepare(wave: NDArray[np.float64], native_rate: int) -> NDArray[np.float64]:
    ratio = Fraction(SAMPLE_RATE, native_rate)
    wave = resample_poly(wave, ratio.numerator, ratio.denominator)
    level = np.sqrt(np.convolve(wave**2, np.ones(80) / 80, "same"))
    loud = np.flatnonzero(level > level.max() * 10 ** (_SILENCE_DB / 20))
    wave = wave[max(loud[0] - _MARGIN_SAMPLES, 0) : loud[-1] + _MARGIN_SAMPLES].copy()
    fade = np.linspace(0.0, 1.0, _MARGIN_SAMPLES // 2)
    wave[: len(fade)] *= fade
    wave[-len(fade) :] *= fade[::-1]
    return np.asarray(wave / np.abs(wave).max())
