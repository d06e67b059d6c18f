"""Input rules that fail like Joi: the first fault only, keys in the order of the rules, unknown keys last."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from providers.simulators.kit import clock

_SAFE = 2**53 - 1
Path = tuple[str | int, ...]
Rule = Callable[[Any, Path], Any]


class InvalidError(Exception):
    """The input breaks a rule."""

    def __init__(self, path: Path, complaint: str) -> None:
        super().__init__(f'"{_label(path)}" {complaint}')
        self.key = ".".join(str(part) for part in path) or "value"


def _label(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "value"


@dataclass(frozen=True)
class Required:
    """Marks a key that must be there."""

    rule: Rule


Fields = Mapping[str, Rule | Required]


def anything(value: Any, path: Path) -> Any:
    """Accept every value."""
    del path
    return value


def obj(fields: Fields) -> Rule:
    """Accept an object with these keys and no others."""

    def check(value: Any, path: Path) -> Any:
        given = _as_object(value, path)
        out: dict[str, Any] = {}
        for key, field in fields.items():
            if key in given:
                rule = field.rule if isinstance(field, Required) else field
                out[key] = rule(given[key], (*path, key))
            elif isinstance(field, Required):
                raise InvalidError((*path, key), "is required")
        for key in given:
            if key not in fields:
                raise InvalidError((*path, key), "is not allowed")
        return out

    return check


def mapping(*, most: int | None = None) -> Rule:
    """Accept an object with any keys, at most so many."""

    def check(value: Any, path: Path) -> Any:
        given = _as_object(value, path)
        if most is not None and len(given) > most:
            raise InvalidError(path, f"must have less than or equal to {most} keys")
        return given

    return check


def _as_object(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidError(path, "must be of type object")
    return cast("dict[str, Any]", value)


def array(item: Rule, *, most: int | None = None, filled: bool = False) -> Rule:
    """Accept a list of such items."""

    def check(value: Any, path: Path) -> Any:
        if not isinstance(value, list):
            raise InvalidError(path, "must be an array")
        items = cast("list[Any]", value)
        if filled and not items:
            raise InvalidError(path, "does not contain 1 required value(s)")
        out = [item(each, (*path, index)) for index, each in enumerate(items)]
        if most is not None and len(items) > most:
            raise InvalidError(path, f"must contain less than or equal to {most} items")
        return out

    return check


def nullable(rule: Rule) -> Rule:
    """Accept null as well."""
    return lambda value, path: None if value is None else rule(value, path)


def text(*, empty: bool = True, most: int | None = None) -> Rule:
    """Accept a string."""

    def check(value: Any, path: Path) -> Any:
        if not isinstance(value, str):
            raise InvalidError(path, "must be a string")
        if not empty and not value:
            raise InvalidError(path, "is not allowed to be empty")
        if most is not None and len(value) > most:
            raise InvalidError(path, f"length must be less than or equal to {most} characters long")
        return value

    return check


def choice(*allowed: str) -> Rule:
    """Accept one of these words."""

    def check(value: Any, path: Path) -> Any:
        if value not in allowed:
            raise InvalidError(path, f"must be one of [{', '.join(allowed)}]")
        return value

    return check


def number(*, least: float | None = None, most: float | None = None, whole: bool = True) -> Rule:
    """Accept a number, or a string that spells one."""

    def check(value: Any, path: Path) -> Any:
        amount = _as_number(value)
        if amount is None:
            raise InvalidError(path, "must be a number")
        if abs(amount) > _SAFE:
            raise InvalidError(path, "must be a safe number")
        if whole and amount != int(amount):
            raise InvalidError(path, "must be an integer")
        if least is not None and amount < least:
            raise InvalidError(path, f"must be larger than or equal to {least}")
        if most is not None and amount > most:
            raise InvalidError(path, f"must be less than or equal to {most}")
        return int(amount) if whole else amount

    return check


def _as_number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value.strip()):
        return float(value) if "." in value else int(value)
    return None


def boolean(value: Any, path: Path) -> Any:
    """Accept true or false, or their names."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise InvalidError(path, "must be a boolean")


def moment(value: Any, path: Path) -> Any:
    """Accept an ISO 8601 time and return it as it is kept in the state."""
    parsed = clock.parse(value) if isinstance(value, str) else None
    if parsed is None:
        raise InvalidError(path, "must be a valid date")
    return clock.zulu(parsed)


def text_or_number(value: Any, path: Path) -> Any:
    """Accept a string or a number and return a string."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidError(path, "must be one of [string, number]")
    return str(value)


def page(most: int) -> dict[str, Rule]:
    """Return the rules of `offset` and `limit`."""
    return {"offset": number(least=0), "limit": number(least=1, most=most)}
