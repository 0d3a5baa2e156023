"""A workbook as openpyxl reads it, and what its XML says."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any  # Any: openpyxl has no types

import openpyxl


def opened(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content))


def rows_of(sheet: Any) -> list[dict[str, Any]]:
    """The rows below the heading, by heading."""
    heading, *rows = sheet.iter_rows(values_only=True)
    assert len(set(heading)) == len(heading), heading
    return [dict(zip(heading, row, strict=True)) for row in rows]


def formulas_and_links(content: bytes) -> list[str]:
    """Every element of the package that would compute something or lead anywhere."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        xml = {name: package.read(name).decode() for name in package.namelist()}
    acting = re.compile(r"<(f|hyperlink|hyperlinks|externalReference|ddeLink|oleObject|definedName hidden)[ >/]")
    found = [f"{name}: {hit.group()}" for name, text in xml.items() for hit in acting.finditer(text)]
    return found + [name for name in xml if "vba" in name.lower() or "external" in name.lower()]
