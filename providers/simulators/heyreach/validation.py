"""Reads JSON into models as the provider's framework does.

Keys match whatever their case, unknown keys are dropped, close types are converted, and every fault is
collected: first those of types, which name the .NET type, and only without them those of the rules.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from providers.simulators.heyreach.common import times

Errors = dict[str, list[str]]
_INT32 = 2**31 - 1
_MOST = {"System.Int32": _INT32, "System.Int64": 2**63 - 1}


@dataclass
class Faults:
    """What is wrong with one body or query."""

    types: Errors = field(default_factory=Errors)
    rules: Errors = field(default_factory=Errors)


@dataclass(frozen=True)
class Place:
    """Where in the input a value stands, spelled as JSON and as the model do."""

    faults: Faults
    json: str = ""
    model: str = ""

    def child(self, name: str) -> "Place":
        """Return the place of a property."""
        pascal = name[:1].upper() + name[1:]
        return Place(self.faults, _dotted(self.json, name), _dotted(self.model, pascal))

    def item(self, index: int) -> "Place":
        """Return the place of an element."""
        return Place(self.faults, f"{self.json}[{index}]", f"{self.model}[{index}]")

    def wrong(self, message: str) -> None:
        """Note a value of the wrong type."""
        text = f"{message} Path '{self.json}'."
        self.faults.types.setdefault(self.json, []).append(text)

    def unconverted(self, value: Any, type_name: str) -> None:
        """Note a value that cannot become the type."""
        self.wrong(f"Error converting value {_quoted(value)} to type '{type_name}'.")

    def broken(self, message: str) -> None:
        """Note a rule that is broken; `{}` stands for the name of the field."""
        name = self.model.rpartition(".")[2]
        self.faults.rules.setdefault(self.model, []).append(message.replace("{}", name, 1))


def _dotted(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _quoted(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return "{null}" if value is None else str(value)


Rule = Callable[[Any, Place], Any]


@dataclass(frozen=True)
class Required:
    """Marks a key that must be there and not be null."""

    rule: Rule


@dataclass(frozen=True)
class Default:
    """Gives a key a value when it is left out."""

    rule: Rule
    value: Any


Fields = Mapping[str, Rule | Required | Default]


def model(fields: Fields, dto: str = "Request") -> Rule:
    """Read an object into a dict with exactly these keys; what is missing is None."""
    names = {name.lower(): name for name in fields}

    def read(value: Any, place: Place) -> Any:
        if not isinstance(value, dict):
            place.unconverted(value, f"Spremo.DTOs.PublicApi.{dto}")
            return {}
        given = {
            names[key.lower()]: item for key, item in cast("dict[str, Any]", value).items() if key.lower() in names
        }
        return {name: _one(rule, name, given, place) for name, rule in fields.items()}

    return read


def _one(rule: Rule | Required | Default, name: str, given: dict[str, Any], place: Place) -> Any:
    spot = place.child(name)
    if isinstance(rule, Required):
        if given.get(name) is None or given[name] == "":
            spot.broken("The {} field is required.")
            return None
        return rule.rule(given[name], spot)
    if isinstance(rule, Default):
        return rule.rule(given[name], spot) if name in given else rule.value
    return rule(given[name], spot) if given.get(name) is not None else None


def anything(value: Any, place: Place) -> Any:
    """Take every value as it is."""
    del place
    return value


def whole(type_name: str = "System.Int64", least: int | None = None, most: int | None = None) -> Rule:
    """Read an integer, or a text that spells one."""

    def read(value: Any, place: Place) -> Any:
        number = _as_int(value)
        if number is None or abs(number) > _MOST[type_name]:
            place.unconverted(value, type_name)
            return None
        if (least is not None and number < least) or (most is not None and number > most):
            place.broken(f"The field {{}} must be between {least} and {_INT32 if most is None else most}.")
        return number

    return read


def _as_int(value: Any) -> int | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return int(value) if not isinstance(value, float) or value.is_integer() else None
    except (TypeError, ValueError, OverflowError):
        return None


def flag(value: Any, place: Place) -> Any:
    """Read a truth value, or a text or number that spells one."""
    if isinstance(value, bool | int):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    place.unconverted(value, "System.Boolean")
    return False


def text(least: int = 0, most: int | None = None) -> Rule:
    """Read a text; numbers become one."""

    def read(value: Any, place: Place) -> Any:
        if isinstance(value, dict | list):
            opening = "{" if isinstance(value, dict) else "["
            place.wrong(f"Unexpected character encountered while parsing value: {opening}.")
            return ""
        said = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
        if len(said) < least or (most is not None and len(said) > most):
            floor = f"a minimum length of {least} and " if least else ""
            place.broken(f"The field {{}} must be a string with {floor}a maximum length of {most}.")
        return said

    return read


def choice(type_name: str, *allowed: str) -> Rule:
    """Read one of these words, whatever their case."""
    known = {word.lower(): word for word in allowed}

    def read(value: Any, place: Place) -> Any:
        word = known.get(value.lower()) if isinstance(value, str) else None
        if word is None:
            place.unconverted(value, f"Spremo.DTOs.PublicApi.{type_name}")
        return word

    return read


def array(item: Rule, least: int = 0, most: int | None = None) -> Rule:
    """Read a list of such items."""

    def read(value: Any, place: Place) -> Any:
        if not isinstance(value, list):
            place.wrong("The JSON value could not be read into a list, because the type requires a JSON array.")
            return []
        items = cast("list[Any]", value)
        limit = "The field {} must be a string or array type with a %s length of '%s'."
        if len(items) < least:
            place.broken(limit % ("minimum", least))
        if most is not None and len(items) > most:
            place.broken(limit % ("maximum", most))
            return []
        return [item(each, place.item(index)) for index, each in enumerate(items)]

    return read


def moment(value: Any, place: Place) -> Any:
    """Read an ISO 8601 time and return its stamp; an empty text is none."""
    if value == "":
        return None
    parsed = times.parse(value) if isinstance(value, str) else None
    if parsed is None:
        place.wrong(f"Could not convert string to DateTime: {value}.")
    return parsed


def page(most: int = 100, usual: int = 10) -> dict[str, Default]:
    """Return the rules of `offset` and `limit`."""
    return {
        "offset": Default(whole("System.Int32", 0), 0),
        "limit": Default(whole("System.Int32", 1, most), usual),
    }
