"""The table of corruptions and levels: which there are, how strong, in which unit, and to which samples they apply.

The numbers of the corruptions are part of the data set: noise is drawn by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal  # Any: each corruption takes arrays of a type of its own, and checks it

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.robustness import pictures, sound

Kind = Literal["pictures", "sound"]
Indices = NDArray[np.int64]
Named = dict[str, NDArray[np.generic]]

# The corrupted samples are data of the suite like the clean ones, and have its seed: only so can they be compared.
SEED: Final = 0
LEVELS: Final = (1, 2, 3)
# A shorter row of numbers is not taken for a sound: this is a tenth of a second.
_LEAST_WAVE: Final = 1600


class Corruption(msgspec.Struct, frozen=True, kw_only=True):
    """One way to spoil a sample, with its amounts at levels 1, 2 and 3.

    `unit` is theirs: "px" (radius at a shorter side of 224), "EV" (stops of light), "levels" (of 255), "area" (share of
    it), "dB" (signal-to-noise ratio), "s" (RT60). `change(samples, indices, amount, seed, number)` gives samples of the
    same shape and type.
    """

    name: str
    kind: Kind
    number: int
    unit: str
    amounts: tuple[float, float, float]
    change: Callable[[Any, Indices, float, int, int], NDArray[Any]]


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A corruption at a level."""

    corruption: Corruption
    level: int

    @property
    def name(self) -> str:
        """Such as `blur.2`."""
        return f"{self.corruption.name}.{self.level}"

    @property
    def amount(self) -> float:
        return self.corruption.amounts[self.level - 1]


def _pictures(name: str, number: int, unit: str, amounts: tuple[float, float, float], change: Any) -> Corruption:
    return Corruption(name=name, kind="pictures", number=number, unit=unit, amounts=amounts, change=change)


def _sound(name: str, number: int, unit: str, amounts: tuple[float, float, float], change: Any) -> Corruption:
    return Corruption(name=name, kind="sound", number=number, unit=unit, amounts=amounts, change=change)


# Level 1 costs little, level 3 clearly hurts and is not chance: what the suite's own networks lose is on their cards.
CORRUPTIONS: Final[tuple[Corruption, ...]] = (
    _pictures("blur", 1, "px", (1.5, 2.5, 3.5), pictures.blur),
    _pictures("low_light", 2, "EV", (2.0, 4.0, 5.5), pictures.low_light),
    _pictures("noise", 3, "levels", (16.0, 32.0, 48.0), pictures.noise),
    _pictures("occlusion", 4, "area", (0.2, 0.4, 0.6), pictures.occlude),
    _sound("white_noise", 5, "dB", (5.0, -2.0, -8.0), sound.add_white),
    _sound("pink_noise", 6, "dB", (5.0, -2.0, -8.0), sound.add_pink),
    _sound("reverberation", 7, "s", (0.3, 0.6, 1.2), sound.reverberate),
)


def kind_of(shapes: Iterable[tuple[int, ...]]) -> Kind | None:
    """What samples of these shapes are, one for each input, without the batch axis; None where that is not known."""
    kinds = {kind for shape in shapes if (kind := _kind(shape)) is not None}
    return kinds.pop() if len(kinds) == 1 else None


def _kind(shape: tuple[int, ...]) -> Kind | None:
    if len(shape) == 3 and shape[0] == 3:
        return "pictures"
    return "sound" if len(shape) == 1 and shape[0] >= _LEAST_WAVE else None


def conditions(kind: Kind | None) -> tuple[Condition, ...]:
    """All levels of all corruptions of a kind, in the order of the table; none for None."""
    return tuple(Condition(corruption=one, level=level) for one in CORRUPTIONS if one.kind == kind for level in LEVELS)


def change(condition: Condition, samples: Mapping[str, NDArray[np.generic]], indices: Indices) -> Named:
    """`samples` (leading axis len(indices)) under `condition`: inputs of its kind are changed, others stay.

    Raises ValueError for an input of the right shape and another type, or one that is not finite.
    """
    corruption = condition.corruption
    return {
        name: corruption.change(array, indices, condition.amount, SEED, corruption.number)
        if _kind(array.shape[1:]) == corruption.kind
        else array
        for name, array in samples.items()
    }
