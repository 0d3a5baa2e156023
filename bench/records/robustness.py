"""What a session's answers lose when its inputs are spoilt: quality under each corruption and level."""

from __future__ import annotations

import msgspec

from bench.records.numbers import Interval


class Stressed(msgspec.Struct, frozen=True, kw_only=True):
    """Quality under one corruption at one level.

    `amount` is in `unit` (see `bench.robustness.conditions`). `loss` is the clean value of the same samples less
    `value`, both shares; its interval is the paired one. The reference's own value and loss are those of the same
    samples, None where its answers are not stored; `excess_loss` is what is lost beyond it, and `larger_loss_p` how
    likely so much would be by chance where neither loses more (exact sign test, one-sided).
    """

    corruption: str
    level: int
    amount: float
    unit: str
    value: float
    interval: Interval
    loss: float
    loss_interval: Interval
    reference_value: float | None = None
    reference_loss: float | None = None
    excess_loss: float | None = None
    larger_loss_p: float | None = None


class Robustness(msgspec.Struct, frozen=True, kw_only=True):
    """The session's answers to corrupted copies of `samples` evaluation samples, beside those to the clean ones.

    `reference_samples` counts those to which the reference network's answers are stored; all that compares with it is
    about these.
    """

    metric: str
    samples: int
    evaluation_samples: int
    value: float
    interval: Interval
    stressed: tuple[Stressed, ...]
    reference_samples: int = 0
