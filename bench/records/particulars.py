"""What no machine knows of a tested sample: who made it, who asked, where, by which instruments, who answers for it.

One TOML file, a table per run id, serves `bench procure` and `bench test-report` alike.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(max_length=1000)]


class Instrument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One measuring instrument, such as a power meter: what a reader needs to trace it."""

    name: Text
    model: Text = ""
    number: Text = ""
    calibrated_until: Text = ""
    accuracy: Text = ""


class Particulars(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is declared of one run; an empty text is not declared, and is printed as a blank line, never made up.

    The first eleven stand in a procurement list (`LISTED`), the rest in test reports only.
    """

    manufacturer: Text = ""
    address: Text = ""
    organisation_id: Text = ""
    brand: Text = ""
    product_name: Text = ""
    model: Text = ""
    report_number: Text = ""
    certificate: Text = ""
    laboratory: Text = ""
    published_on: Text = ""
    supply_until: Text = ""
    client: Text = ""
    client_address: Text = ""
    laboratory_address: Text = ""
    sample_number: Text = ""
    quantity: Text = ""
    sample_state: Text = ""
    received_on: Text = ""
    place: Text = ""
    temperature: Text = ""
    humidity: Text = ""
    supply_voltage: Text = ""
    topology: Text = ""
    deviations: Text = ""
    remarks: Text = ""
    inspector: Text = ""
    inspector_title: Text = ""
    reviewer: Text = ""
    reviewer_title: Text = ""
    approver: Text = ""
    approver_title: Text = ""
    instruments: tuple[Instrument, ...] = ()

    def text(self, name: str) -> str:
        """The text of a field by its name; raises AttributeError for another."""
        found = getattr(self, name)
        assert isinstance(found, str), name
        return found


LISTED: tuple[str, ...] = Particulars.__struct_fields__[:11]
"""Names of the fields of a procurement list."""
BY_CLIENT: frozenset[str] = frozenset(
    {
        *("manufacturer", "address", "organisation_id", "brand", "product_name", "model", "supply_until"),
        *("client", "client_address", "sample_number", "topology"),
    }
)
"""What a client declares and a laboratory does not answer for (ISO/IEC 17025, 7.8.2.2)."""
