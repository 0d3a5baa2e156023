"""SVG: text is text, a page may forbid styles, names stay text, and a file is one that others can read."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from bench.plots.compared import Compared
from bench.plots.drawing import new_figure, style, to_svg, to_svg_file
from tests.report import samples

from .gallery import everything, mixed, of_system

PLOTS = everything()
_NAMESPACE = "{http://www.w3.org/2000/svg}"


def texts(svg: bytes) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(f"{_NAMESPACE}text")]


@pytest.mark.parametrize("name", ["latency", "compared", "places", "pairs", "roofline", "state"])
def test_a_page_may_forbid_styles_scripts_and_addresses(name: str) -> None:
    with style("en"):
        svg = to_svg(PLOTS[name].figure("en"), "en", "a title")
    assert not re.search(r"style=|<style|<script|http|xmlns|#[0-9a-f]{6}(?!\))", svg)
    assert "<text" in svg
    assert "<metadata" not in svg


def test_text_can_be_searched() -> None:
    plot = Compared.of(mixed())
    assert plot is not None
    with style("en"):
        figure = new_figure(8, 2.6)
        plot.draw(figure.subplots(), "en")
    found = texts(to_svg_file(figure, "en", "a title"))
    assert "image_classify, single stream" in found
    assert any("INVALID" in text for text in found)
    assert any(text.startswith("35.2 ms [34.8, 35.6]") for text in found)


def test_a_file_stands_alone_in_the_colours_of_print() -> None:
    with style("en"):
        svg = to_svg_file(PLOTS["latency-of-3"].figure("en"), "en", 'a "title" <b>')
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{_NAMESPACE}svg"
    assert root.get("aria-label") == 'a "title" <b>'
    assert root.get("role") == "img"
    assert b"var(" not in svg
    assert b"#0072b2" in svg


def test_names_are_text_and_nothing_else() -> None:
    records = [of_system(0, samples.hostile()), of_system(1, samples.hostile())]
    assert records[0].device is not None
    broken = [samples.replace(one, device=samples.replace(one.device, title=samples.HOSTILE * 9)) for one in records]
    plot = Compared.of(broken, "latency_p90_ns")
    assert plot is not None
    with style("en"):
        figure = new_figure(8, 2.6)
        plot.draw(figure.subplots(), "en")
        inline = to_svg(figure, "en", samples.HOSTILE)
    assert "<script" not in inline
    assert "&lt;script&gt;" in inline
    assert "\x1b" not in inline


def test_the_same_picture_has_the_same_bytes() -> None:
    pictures = []
    for _ in range(2):
        with style("en"):
            pictures.append(to_svg_file(PLOTS["places"].figure("en"), "en", "a title"))
    assert pictures[0] == pictures[1]
