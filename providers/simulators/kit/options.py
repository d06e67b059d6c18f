"""What `PUT /settings` may change: named options with a default and a rule, kept in the state."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from providers.simulators.kit.store import Object, Store


class BadOptionError(ValueError):
    """An option does not exist, or cannot have the given value."""


@dataclass(frozen=True)
class Option:
    """One thing that may be set."""

    default: Any
    fits: Callable[[Any], bool]


def switch(value: Any) -> bool:
    """Accept true or false."""
    return isinstance(value, bool)


def share(value: Any) -> bool:
    """Accept a number from 0 to 1."""
    return amount(value) and value <= 1


def amount(value: Any) -> bool:
    """Accept a number that is not negative."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def text_or_none(value: Any) -> bool:
    """Accept a text, or null."""
    return value is None or isinstance(value, str)


def one_of(*words: str) -> Callable[[Any], bool]:
    """Accept one of these words."""
    return lambda value: isinstance(value, str) and value in words


ORDERS = ("as_it_happened", "newest_first", "scattered")

COMMON: Mapping[str, Option] = {
    "autoplay": Option(True, switch),
    "pace_ms": Option(50, amount),
    "duplicates": Option(0, share),
    "order": Option("as_it_happened", one_of(*ORDERS)),
}


def read(store: Store, options: Mapping[str, Option]) -> Object:
    """Return every option as it is set."""
    return {**{name: option.default for name, option in options.items()}, **store.setting("options", {})}


def change(store: Store, options: Mapping[str, Option], wanted: Object) -> Object:
    """Set some options and return all, or raise BadOptionError and change nothing."""
    for name, value in wanted.items():
        if name not in options:
            raise BadOptionError(f"unknown setting {name!r}; these exist: {', '.join(options)}")
        if not options[name].fits(value):
            raise BadOptionError(f"{name} cannot be {value!r}")
    changed = {**read(store, options), **wanted}
    store.put_setting("options", changed)
    return changed
