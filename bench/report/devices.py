"""The devices of a record in words, and how much each of several of them did."""

from __future__ import annotations

from itertools import zip_longest

from bench.records.host import Device
from bench.records.record import Record
from bench.text import figures, sentence


def devices_of(record: Record) -> list[Device]:
    """All devices that answered, the first one first; empty where nothing ran."""
    if record.device is None:
        return []
    return [record.device, *(entry.device for entry in record.more_devices)]


def titled(device: Device) -> str:
    """Title and address; the address alone where there is no title."""
    return f"{device.title} ({device.address})" if device.title else device.address


def device_texts(record: Record, lang: str) -> list[str]:
    """One line per device; of several, with the share of the samples that it answered."""
    return [
        sentence(lang, "detail.device_share", device=titled(device), share=figures.share(share))
        if share is not None
        else titled(device)
        for device, share in zip_longest(devices_of(record), record.device_shares[: len(record.more_devices) + 1])
        if device is not None
    ]
