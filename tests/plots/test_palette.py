"""Looks of systems: told apart by eyes that see fewer colours, in print without colours, on light and dark pages."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import bench.pages
from bench.plots.palette import COLOURS, DARK_COLOURS, MOST_TOLD_APART, PAGE_COLOURS, Palette

Floats = NDArray[np.float64]
NAMES = [f"system {place:02d}" for place in range(MOST_TOLD_APART)]
# Machado, Oliveira and Fernandes (2009), severity 1.0, for linear RGB.
EYES = {
    "all cones": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def linear(colour: str) -> Floats:
    """Linear RGB of `#rrggbb` (IEC 61966-2-1)."""
    part = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255.0
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(rgb: Floats) -> Floats:
    """CIE 1976 L*a*b* of linear RGB."""
    ratio = _XYZ @ np.clip(rgb, 0.0, 1.0) / _XYZ.sum(axis=1)
    f = np.where(ratio > 216.0 / 24389.0, np.cbrt(ratio), (24389.0 / 27.0 * ratio + 16.0) / 116.0)
    return np.array([116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    """After WCAG 2."""
    light, dark = sorted((float(_XYZ[1] @ linear(colour)) for colour in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_measures_agree_with_published_values() -> None:
    assert lab(linear("#ffffff")) == pytest.approx([100.0, 0.0, 0.0], abs=0.01)
    assert lab(linear("#ff0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.02)
    assert contrast("#ffffff", "#000000") == pytest.approx(21.0)
    # Red and green of equal lightness are what a deutan eye confuses.
    red, green = (lab(EYES["deutan"] @ linear(colour)) for colour in ("#c04040", "#6f7f20"))
    assert np.linalg.norm(red - green) < 0.4 * np.linalg.norm(lab(linear("#c04040")) - lab(linear("#6f7f20")))


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("colours", [COLOURS, DARK_COLOURS], ids=["light", "dark"])
def test_no_two_colours_look_alike(colours: tuple[str, ...], eyes: str) -> None:
    seen = [lab(EYES[eyes] @ linear(colour)) for colour in colours]
    # 2.3 is just noticeable side by side; ten times that is far apart for thin lines, too.
    assert min(float(np.linalg.norm(one - other)) for one, other in itertools.combinations(seen, 2)) > 20.0


def test_no_two_colours_print_as_the_same_grey() -> None:
    lightness = sorted(lab(linear(colour))[0] for colour in COLOURS)
    assert np.diff(lightness).min() > 5.0


def test_every_colour_stands_out_from_its_page() -> None:
    dark = re.search(r"prefers-color-scheme: dark.*?--page: (#\w{6})", style_sheet(), re.DOTALL)
    assert dark is not None
    assert min(contrast(colour, "#ffffff") for colour in COLOURS) > 3.0
    assert min(contrast(colour, dark[1]) for colour in DARK_COLOURS) > 3.0


def style_sheet() -> str:
    return (Path(bench.pages.__file__).parent / "style.css").read_text(encoding="utf-8")


def test_the_style_sheet_has_the_same_colours() -> None:
    light, dark = style_sheet().split("prefers-color-scheme: dark")[:2]
    variables = [re.fullmatch(r"var\(--([\w-]+).*\)", PAGE_COLOURS[colour])[1] for colour in COLOURS]  # type: ignore[index]
    for part, colours in ((light, COLOURS), (dark.split("@media")[0], DARK_COLOURS)):
        found = dict(re.findall(r"--([\w-]+): (#\w{6})", part))
        assert [found[variable] for variable in variables] == list(colours)


def test_twenty_systems_differ_without_colour() -> None:
    palette = Palette.of(NAMES)
    looks = [palette[name] for name in NAMES]
    assert len({(look.marker, look.line) for look in looks}) == MOST_TOLD_APART
    assert len({(look.marker, look.hollow) for look in looks}) == MOST_TOLD_APART
    assert len({(look.hatch, look.hollow) for look in looks}) == MOST_TOLD_APART
    for one, other in itertools.pairwise(looks):
        assert one.colour != other.colour
        assert one.line != other.line


def test_looks_go_by_names_and_not_by_the_order_they_were_found_in() -> None:
    assert Palette.of(NAMES).looks == Palette.of(list(reversed(NAMES)) + NAMES[:3]).looks
    with pytest.raises(KeyError):
        Palette.of(NAMES[:2])["another"]


def test_more_systems_than_looks_have_looks_all_the_same() -> None:
    palette = Palette.of(f"{place:04d}" for place in range(1000))
    assert len(palette.looks) == 1000
    assert palette["0000"] != palette["0001"]
