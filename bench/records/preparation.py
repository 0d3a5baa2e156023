"""How a user's files become the inputs of a user's model: what `--preprocess` names, kept with the plan."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

# Channel means and deviations of ImageNet on the 0 to 1 scale, as torchvision's published classifiers expect them.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LARGEST = 65_536
_LONGEST = 1 << 26  # over an hour of sound at the rate of a studio's
_HIGHEST_RATE = 768_000

Size = int | tuple[int, int]


class Preparation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From a picture, in this order: resize, centre crop, (pixel × scale - mean) / std, layout.

    `resize` is the length of the shorter side or (height, width) whatever the picture's own; left out, the shorter side
    becomes 8/7 of the model's longer one (256 for 224). `crop`, left out, is what the model takes. A model that takes
    uint8 gets pixels as they are: then scale, mean and std do not apply. With `sample_rate` files are sounds: mono,
    cut or filled with silence at their end to the model's length; float32 from -1 to 1, int16 as it is. `tokens` are
    what a recogniser writes, in the order of its classes; the first is CTC's blank. `shapes` are those of one sample by
    input, for a model whose file leaves axes behind the batch free.
    """

    resize: Size | None = None
    crop: Size | None = None
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bilinear"
    channels: Literal["RGB", "BGR", "L"] = "RGB"
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    scale: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    sample_rate: int | None = None
    tokens: tuple[str, ...] | None = None
    shapes: dict[str, tuple[int, ...]] = {}

    def __post_init__(self) -> None:
        for name, size in (("resize", self.resize), ("crop", self.crop)):
            if size is not None and not all(1 <= side <= _LARGEST for side in both(size)):
                raise ValueError(f"`{name}` is {size}; its sides must lie between 1 and {_LARGEST}")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) not in (1, self.count):
                raise ValueError(f"`{name}` has {len(values)} values, and {self.channels} has {self.count} channels")
            if values is not None and not all(map(math.isfinite, values)):
                raise ValueError(f"`{name}` is {list(values)}; its values must be finite")
        if self.std is not None and not all(value > 0 for value in self.std):
            raise ValueError(f"`std` is {list(self.std)}; its values must be positive")
        for name, shape in self.shapes.items():
            if not shape or not all(1 <= size <= _LONGEST for size in shape):
                raise ValueError(f"`shapes` has {list(shape)} for {name!r}; it takes sizes between 1 and {_LONGEST}")
        if self.scale is not None and not 0 < self.scale < math.inf:
            raise ValueError(f"`scale` is {self.scale}; it must be positive and finite")
        if self.sample_rate is not None:
            self._check_sound(self.sample_rate)
        if self.tokens is not None:
            self._check_tokens(self.tokens)

    def _check_sound(self, rate: int) -> None:
        if not 1 <= rate <= _HIGHEST_RATE:
            raise ValueError(f"`sample_rate` is {rate}; it must lie between 1 and {_HIGHEST_RATE} per second")
        defaults = {field.name: field.default for field in msgspec.structs.fields(self)}
        sound = ("sample_rate", "tokens", "shapes")
        others = [name for name in defaults if name not in sound and getattr(self, name) != defaults[name]]
        if others:
            raise ValueError(f"`sample_rate` is for sounds, and {', '.join(others)} for pictures; which are they?")

    def _check_tokens(self, tokens: tuple[str, ...]) -> None:
        if self.sample_rate is None:
            raise ValueError("`tokens` are of a recogniser of speech, which needs `sample_rate`, too")
        if len(tokens) < 2 or len(set(tokens)) < len(tokens) or not all(tokens[1:]):
            raise ValueError("`tokens` are the blank and one or more others, each once, none but the blank empty")

    @property
    def of_files(self) -> bool:
        """Whether anything is said of files, and not of the model alone."""
        return msgspec.structs.replace(self, shapes={}) != Preparation()

    @property
    def count(self) -> int:
        """Channels of a picture."""
        return len(self.channels)

    @property
    def normalises(self) -> bool:
        """Whether anything is asked for that only floating point can hold."""
        return (self.scale, self.mean, self.std) != (None, None, None)


def both(size: Size) -> tuple[int, int]:
    """Height and width."""
    return (size, size) if isinstance(size, int) else size
