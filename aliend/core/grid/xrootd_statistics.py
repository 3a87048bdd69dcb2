"""Parses the XML statistics of an XRootD server (monitoring reference, section "statistics"). Pure."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from aliend.errors import BadReply


def parse_statistics(text: str) -> dict[str, Any]:
    """Return the attributes of the root, and under `stats` each section by its `id`. Raises BadReply."""
    root = _parsed(text)
    kinds = {str(kind.get("id", kind.tag)): _value(kind) for kind in root}
    return {**root.attrib, "stats": kinds}


def indent_xml(text: str) -> str:
    """Return the XML with line breaks and indentation. Raises BadReply."""
    root = _parsed(text)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode")


def _parsed(text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise BadReply(f"the server's statistics are not valid XML: {error}") from error


def _value(element: ElementTree.Element) -> Any:  # noqa: ANN401 - a tree of texts
    if not len(element):
        return (element.text or "").strip()
    values: dict[str, Any] = {}
    for child in element:
        values[str(child.get("id", child.tag))] = _value(child)
    return values
