"""Which espeak-ng speaker variants speak in which set; no variant speaks in two of them.

Some variants are copies of others with a few numbers changed: no voice of the evaluation agrees in more than half of
its parameters with one of the training. Left out are variants without voicing (whispers), effects (robots, Demonic)
and one made for tests of speed (fast).
"""

from __future__ import annotations

EVALUATION_VOICES: tuple[str, ...] = (
    "Alicia", "Andy", "AnxiousAndy", "Denis", "Lee", "Storm", "aunty", "belinda", "boris", "ed", "f4", "grandpa", "m4",
    "pablo", "shelby", "victor", "zac", "f5", "m1", "m7",
)  # fmt: skip

TIMING_VOICES: tuple[str, ...] = ("Hugo", "Tweaky", "f2", "john", "linda", "michel")

CALIBRATION_VOICES: tuple[str, ...] = ("Diogo", "adam", "f3", "grandma", "m2", "norbert", "pedro", "croak")

TRAINING_VOICES: tuple[str, ...] = (
    "Alex", "Andrea", "Annie", "Gene", "Gene2", "Henrique", "Jacky", "Marco", "Mario", "Michael", "Mike", "Mr serious",
    "Reed", "RicishayMax", "RicishayMax2", "RicishayMax3", "anika", "antonio", "benjamin", "caleb", "david", "edward",
    "edward2", "f1", "gustave", "ian", "iven", "iven2", "iven3", "iven4", "kaukovalta", "klatt", "klatt2", "klatt3",
    "klatt4", "klatt5", "klatt6", "m3", "m5", "m6", "m8", "marcelo", "max", "miguel", "mike2", "paul", "quincy", "rob",
    "robert", "sandro", "steph", "steph2", "steph3", "travis",
)  # fmt: skip
