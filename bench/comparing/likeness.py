"""What two records must have in common to be compared, and what is under test and may differ."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from bench.comparing.kept import Kept
from bench.plugins import suggestion
from bench.records.comparison import Unlike
from bench.records.plan import Measurement


class NotAlike(ValueError):
    """Records that cannot be compared; one line that names the field and both values."""


def _of_measurement(name: str) -> Callable[[Kept], object]:
    return lambda kept: getattr(kept.record.measurement, name)


# Times do not tell what was measured; the name of the driver, the devices' and what they are stand below.
_NOT_ASKED = {"quality_samples", "devices", "load_samples", "stress_samples", "stress_conditions"}
_MUST: Final[dict[str, Callable[[Kept], object]]] = {
    **{name: _of_measurement(name) for name in Measurement.__struct_fields__ if name not in _NOT_ASKED},
    "mode": lambda kept: kept.record.mode,
    "suite_version": lambda kept: kept.record.suite_version,
    "origin": lambda kept: kept.record.origin,
    "model": lambda kept: kept.record.model_hash,
    "data": lambda kept: kept.run.plan.data if kept.run else None,
    "shapes": lambda kept: _shapes(kept),
    "device": lambda kept: _devices(kept),
    "cpu": lambda kept: kept.run.host.cpu_model if kept.run else None,
    "cores": lambda kept: kept.run.host.cores_usable if kept.run else None,
}
_UNDER_TEST: Final[dict[str, Callable[[Kept], object]]] = {
    "backend": lambda kept: kept.record.backend,
    "settings": lambda kept: dict(sorted(kept.record.settings.items())),
    "engine_version": lambda kept: kept.record.facts.engine_version if kept.record.facts else None,
    "driver_version": lambda kept: kept.record.facts.driver_version if kept.record.facts else None,
    "precision_executed": lambda kept: kept.record.facts.precision_executed if kept.record.facts else None,
    "kernel": lambda kept: kept.run.host.kernel if kept.run else None,
    "packages": lambda kept: dict(sorted(kept.run.host.packages.items())) if kept.run else None,
}
FIELDS: Final = tuple(_MUST)
# What systems are, and how each serves the load, is what makes them different systems.
OF_SYSTEMS: Final = ("device", "cpu", "cores", "batch", "workers", "threads", "max_wait_ns", "session_process")


def check_fields(fields: Collection[str]) -> None:
    """Raises NotAlike for a field that is none of `FIELDS`."""
    for field in fields:
        if field not in _MUST:
            raise NotAlike(
                f"`--allow {field}`: there is no such field.{suggestion(field, list(FIELDS))} "
                f"Known: {', '.join(FIELDS)}"
            )


def unlike(first: Kept, second: Kept, allowed: Collection[str]) -> tuple[Unlike, ...]:
    """In which fields two records differ that must be alike to be compared, but for those in `allowed`."""
    return tuple(entry for entry in _differences(first, second, _MUST) if entry.field not in allowed)


def guarded(first: Kept, second: Kept, allowed: Collection[str]) -> tuple[tuple[Unlike, ...], tuple[Unlike, ...]]:
    """The differences that are allowed, and those under test. Raises NotAlike for any other."""
    imported = [kept.record.origin == "mlperf-import" for kept in (first, second)]
    if any(imported) and not all(imported):
        raise NotAlike(
            f"{first.name}: one of {first.origin} and {second.origin} was imported from MLPerf, and is never compared "
            "with what was measured here, whatever is allowed"
        )
    unlike = _differences(first, second, _MUST)
    for entry in unlike:
        if entry.field not in allowed:
            raise NotAlike(
                f"{entry.measurement}: `{entry.field}` is {entry.first} in {first.origin} and {entry.second} in "
                f"{second.origin}; such records are not compared. Measure alike, or add `--allow {entry.field}`"
            )
    return unlike, _differences(first, second, _UNDER_TEST)


def _differences(first: Kept, second: Kept, fields: dict[str, Callable[[Kept], object]]) -> tuple[Unlike, ...]:
    return tuple(
        Unlike(measurement=first.name, field=field, first=_words(one), second=_words(other))
        for field, value in fields.items()
        # What is not known of one of them is no difference: a record alone has no host.
        if (one := value(first)) != (other := value(second)) and not _unknown(field, one, other)
    )


def _unknown(field: str, one: object, other: object) -> bool:
    return field in ("cpu", "cores", "kernel", "packages", "data", "shapes") and None in (one, other)


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={entry}" for key, entry in value.items()) or "none"
    return "none" if value in (None, "") else str(value)


def _shapes(kept: Kept) -> dict[str, str] | None:
    """What the user gave a model whose file leaves axes free."""
    if kept.run is None:
        return None
    given = kept.run.plan.preparation.shapes if kept.run.plan.preparation is not None else {}
    return {name: "x".join(map(str, shape)) for name, shape in sorted(given.items())}


def _devices(kept: Kept) -> str:
    devices = [kept.record.device, *(entry.device for entry in kept.record.more_devices)]
    return ", ".join(f"{device.kind} {device.title}".strip() for device in devices if device is not None)
