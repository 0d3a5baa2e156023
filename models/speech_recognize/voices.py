"""Which of the speaker variants of `speech_command` speak here: a set keeps to the variants it has there.

So no variant speaks in two sets, and an evaluation voice can join its commands to its numbers.
"""

from __future__ import annotations

from bench.models.speech_command import voices

EVALUATION_VOICES: tuple[str, ...] = ("Alicia", "Andy", "Storm", "belinda", "boris", "f4", "m4", "zac")
TIMING_VOICES: tuple[str, ...] = ("michel",)
CALIBRATION_VOICES: tuple[str, ...] = ("f3", "norbert")

# Held out of the training: the difficulty of the evaluation, and when to stop, were chosen by them.
VALIDATION_VOICES: tuple[str, ...] = ("Andrea", "Michael", "gustave", "klatt3", "m5", "steph2")
TRAINING_VOICES: tuple[str, ...] = tuple(voice for voice in voices.TRAINING_VOICES if voice not in VALIDATION_VOICES)
