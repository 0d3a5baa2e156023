"""Kernels that take sizes as arguments, so that one program serves plans of a network at several lengths and batches.

A kernel's source has the sizes of a layer as whole numbers. Where the kernels that several plans have for the same step
differ in such numbers only, the numbers that differ become parameters, and each plan hands in its own; all others stay
as they are, for the compiler to make use of. So the programs of a network are compiled once for all its lengths.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

import msgspec

from bench.backends.opencl.kernels.source import Kernel, named
from bench.backends.opencl.plan import Launch, Plan, Step

# What parameters for numbers are called; no kernel has such a name for anything else.
_NAME = "size_{}"
# A whole number that is no part of a name, of a vector's type or of another number.
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
_LARGEST_INT = 2**31 - 1


class Form(msgspec.Struct, frozen=True):
    """What a kernel's source is but for the whole numbers in its statements, as a digest, and these numbers."""

    digest: str
    numbers: tuple[int, ...]


class General(msgspec.Struct, frozen=True):
    """Which kernels another one stands for: those of a form whose numbers are these; a text names a parameter."""

    form: str
    numbers: tuple[int | str, ...]

    def arguments(self, form: Form) -> tuple[int, ...] | None:
        """What a kernel's numbers are as arguments, in the order of the parameters; None where it is another kernel."""
        if form.digest != self.form or len(form.numbers) != len(self.numbers):
            return None
        given: dict[str, int] = {}
        for here, there in zip(self.numbers, form.numbers, strict=True):
            if there != (given.setdefault(here, there) if isinstance(here, str) else here):
                return None
        return tuple(given.values()) if max(given.values(), default=0) <= _LARGEST_INT else None


class Generalised(msgspec.Struct, frozen=True):
    """Plans whose steps share kernels, None for those that could not; what the kernels with parameters stand for."""

    plans: list[Plan | None]
    kernels: Mapping[str, General]


def form_of(kernel: Kernel) -> Form:
    """A kernel's form: its kind, what stands before it, its parameters, and its statements between their numbers."""
    parts = (kernel.kind, kernel.before, *kernel.parameters, *_NUMBER.split(kernel.body))
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return Form(digest, tuple(int(one) for one in _NUMBER.findall(kernel.body)))


def generalised(plans: Sequence[Plan]) -> Generalised:
    """Plans with kernels that serve all of them; those whose steps are others than the first plan's are left out."""
    forms = [[form_of(step.kernel) if isinstance(step, Launch) else None for step in plan.steps] for plan in plans]
    looks = [_look(plan, each) for plan, each in zip(plans, forms, strict=True)]
    kept = [number for number, look in enumerate(looks) if look == looks[0]]
    steps: dict[int, list[Step]] = {number: [] for number in kept}
    kernels: dict[str, General] = {}
    for place, first in enumerate(plans[0].steps if plans else ()):
        each = [plans[number].steps[place] for number in kept]
        if isinstance(first, Launch):
            each = _shared(each, [forms[number][place] for number in kept], kernels)
        for number, step in zip(kept, each, strict=True):
            steps[number].append(step)
    made = [
        msgspec.structs.replace(plan, steps=tuple(steps[number])) if number in steps else None
        for number, plan in enumerate(plans)
    ]
    return Generalised(made, kernels)


def _look(plan: Plan, forms: Sequence[Form | None]) -> list[tuple[str, str]]:
    """What must be the same in plans that share kernels."""
    return [(step.label, form.digest if form else "") for step, form in zip(plan.steps, forms, strict=True)]


def _shared(steps: Sequence[Step], forms: Sequence[Form | None], kernels: dict[str, General]) -> list[Step]:
    """The same launches with one kernel, which has a parameter for each number that differs among them."""
    launches = [step for step in steps if isinstance(step, Launch)]
    known = [form for form in forms if form is not None]
    # What goes together in all of them is one parameter.
    columns = list(zip(*(form.numbers for form in known), strict=True))
    varying = list(dict.fromkeys(column for column in columns if len(set(column)) > 1))
    if not varying or max(map(max, varying)) > _LARGEST_INT:
        return list(steps)
    names = {column: _NAME.format(number) for number, column in enumerate(varying)}
    general = General(known[0].digest, tuple(names.get(column, column[0]) for column in columns))
    kernel = _with_parameters(launches[0].kernel, general)
    kernels[kernel.name] = general
    return [handed(step, kernel, general.arguments(form) or ()) for step, form in zip(launches, known, strict=True)]


def handed(step: Launch, kernel: Kernel, numbers: Sequence[int]) -> Launch:
    """A launch by a kernel that takes numbers as arguments behind all others."""
    return msgspec.structs.replace(step, kernel=kernel, arguments=(*step.arguments, *numbers))


def parameters(general: General) -> list[str]:
    """What a general kernel has behind the parameters of those that it stands for."""
    return [f"const int {name}" for name in dict.fromkeys(one for one in general.numbers if isinstance(one, str))]


def _with_parameters(kernel: Kernel, general: General) -> Kernel:
    between = zip(_NUMBER.split(kernel.body), (*map(str, general.numbers), ""), strict=True)
    body = "".join(text for pair in between for text in pair)
    return named(kernel.kind, [*kernel.parameters, *parameters(general)], body, kernel.before)
