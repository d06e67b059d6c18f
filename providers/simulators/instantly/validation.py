"""Rules for queries and bodies, which complain in the words of the provider's validator.

As there, a text that spells a number is a number, a lone value is a list of one, and what no rule names is dropped.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from providers.simulators.kit import clock
from providers.simulators.kit.store import Object


class InvalidError(Exception):
    """A value breaks a rule; the text is the provider's."""


@dataclass(frozen=True)
class Place:
    """Where in a request a value stands; when `strict`, what no rule names is refused."""

    path: str
    strict: bool = False

    def at(self, name: object) -> "Place":
        """Return the place of a part."""
        return replace(self, path=f"{self.path}/{name}")

    def wrong(self, text: str) -> InvalidError:
        """Return the complaint."""
        return InvalidError(f"{self.path} {text}")


Rule = Callable[[Any, Place], Any]


@dataclass(frozen=True)
class Required:
    """A field that must be there."""

    rule: Rule


Fields = Mapping[str, Rule | Required]
_FORMATS: Mapping[str, Callable[[str], bool]] = {
    "uuid": lambda text: bool(re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text)),
    "email": lambda text: bool(re.fullmatch(r"[^@\s,;<>\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", text)),
    "date": lambda text: bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) and clock.parse(text) is not None,
    "date-time": lambda text: "T" in text and clock.parse(text) is not None,
}


def anything(value: Any, place: Place) -> Any:
    """Accept everything."""
    del place
    return value


def text(form: str = "", *, pattern: str = "", least: int = 0, among: Sequence[str] = (), null: bool = False) -> Rule:
    """Accept a text, or a number as its text."""
    kind = "string,null" if null else "string"

    def check(value: Any, place: Place) -> Any:
        if value is None and null:
            return None
        given = str(value).lower() if isinstance(value, bool) else value
        given = str(given) if isinstance(given, int | float) else given
        if not isinstance(given, str):
            raise place.wrong(f"must be {kind}")
        if len(given) < least:
            raise place.wrong(f"must NOT have fewer than {least} characters")
        if pattern and not re.search(pattern, given):
            raise place.wrong(f'must match pattern "{pattern}"')
        if form and not _FORMATS[form](given):
            raise place.wrong(f'must match format "{form}"')
        if among and given not in among:
            raise place.wrong("must be equal to one of the allowed values")
        return given

    return check


def number(
    *,
    least: float | None = None,
    most: float | None = None,
    among: Sequence[int] = (),
    whole: bool = False,
    null: bool = False,
) -> Rule:
    """Accept a number, or a text that spells one."""
    kind = ("integer" if whole else "number") + (",null" if null else "")

    def check(value: Any, place: Place) -> Any:
        if value is None and null:
            return None
        amount = _as_number(value)
        if amount is None or (whole and amount != int(amount)):
            raise place.wrong(f"must be {kind}")
        if least is not None and amount < least:
            raise place.wrong(f"must be >= {least}")
        if most is not None and amount > most:
            raise place.wrong(f"must be <= {most}")
        if among and amount not in among:
            raise place.wrong("must be equal to one of the allowed values")
        return amount

    return check


def _as_number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value.strip()):
        return float(value) if "." in value else int(value)
    return None


def boolean(*, null: bool = False) -> Rule:
    """Accept true or false, or their names."""
    named = {"true": True, "false": False}

    def check(value: Any, place: Place) -> Any:
        if isinstance(value, bool) or (value is None and null):
            return value
        if isinstance(value, str) and value in named:
            return named[value]
        raise place.wrong("must be boolean,null" if null else "must be boolean")

    return check


def array(item: Rule = anything, *, least: int = 0, most: int | None = None) -> Rule:
    """Accept a list, or a lone value as a list of one."""

    def check(value: Any, place: Place) -> Any:
        if isinstance(value, dict) or value is None:
            raise place.wrong("must be array")
        items = cast("list[Any]", value) if isinstance(value, list) else [value]
        if len(items) < least:
            raise place.wrong(f"must NOT have fewer than {least} items")
        if most is not None and len(items) > most:
            raise place.wrong(f"must NOT have more than {most} items")
        return [item(part, place.at(number_)) for number_, part in enumerate(items)]

    return check


def mapping(item: Rule = anything, *, null: bool = False) -> Rule:
    """Accept an object with any keys."""

    def check(value: Any, place: Place) -> Any:
        if value is None and null:
            return None
        if not isinstance(value, dict):
            raise place.wrong("must be object,null" if null else "must be object")
        return {key: item(part, place.at(key)) for key, part in cast("Object", value).items()}

    return check


def scalar(value: Any, place: Place) -> Any:
    """Accept a text, a number, a boolean or null."""
    if isinstance(value, dict | list):
        raise place.wrong("must be string,number,boolean,null")
    return value


def obj(fields: Fields, *, null: bool = False) -> Rule:
    """Accept an object with these fields, and drop others."""

    def check(value: Any, place: Place) -> Any:
        if value is None and null:
            return None
        if not isinstance(value, dict):
            raise place.wrong("must be object")
        given = cast("Object", value)
        for name, rule in fields.items():
            if isinstance(rule, Required) and name not in given:
                raise place.wrong(f"must have required property '{name}'")
        if place.strict and not given.keys() <= fields.keys():
            raise place.wrong("must NOT have additional properties")
        return {
            name: (rule.rule if isinstance(rule, Required) else rule)(given[name], place.at(name))
            for name, rule in fields.items()
            if name in given
        }

    return check


def optional(rule: Rule) -> Rule:
    """Accept a body that is left out, as an empty object."""
    return lambda value, place: {} if value is None else rule(value, place)
