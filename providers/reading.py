"""Reads values of unknown shape without guessing: what is not what it should be is empty."""

from collections.abc import Mapping
from types import UnionType
from typing import Any, cast


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return an object's members, or none."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return a list's items, or none."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_integer(value: object) -> int | None:
    """Return a whole number that came as one or as text, or None."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def as_place(value: object, *kinds: type | UnionType) -> list[Any] | None:
    """Return a place in a list, as it was kept in these parts, or None for one of another form."""
    parts = as_list(value)
    if len(parts) != len(kinds) or any(isinstance(part, int) and part < 0 for part in parts):
        return None
    return parts if all(map(isinstance, parts, kinds)) else None


def as_rows(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list, or none."""
    return [row for item in as_list(value) if (row := as_mapping(item))]
