"""The flag of `bench run` that asks what is lost under corrupted samples."""

from __future__ import annotations

import click

robustness_option = click.option(
    "--robustness",
    is_flag=True,
    help="Also answer corrupted samples (pictures: blur, low light, noise, occlusion; sound: noise, reverberation; "
    "three levels each), and say what quality is lost.",
)
