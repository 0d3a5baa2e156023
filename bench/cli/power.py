"""The flag that says where energy is read."""

from __future__ import annotations

import click

power_option = click.option(
    "--power",
    multiple=True,
    default=("auto",),
    show_default=True,
    metavar="SOURCE",
    help="Where energy is read: auto (nvml, rapl, hwmon), none, ipmi, redfish:URL, meter:FILE.csv; may be repeated.",
)
