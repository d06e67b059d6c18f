"""Named switches that make the simulator misbehave; the set is kept in the state and outlives a restart.

When several are on, each request meets them in this order: `rate_limited` and `server_error` answer before
any work is done; `slow` waits, then lets the work go on; after the work `lost_response` closes the
connection without a byte, else `malformed` cuts the answer short.

Whether a switch strikes is drawn from the seed, its name and how often it was asked: a seed repeats itself.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from providers.simulators.smartlead.state import Object, Row, Store

NAMES = ("rate_limited", "server_error", "slow", "lost_response", "malformed")
ALIASES = {"429": "rate_limited", "500": "server_error"}
_KEYS = ("rate", "times", "seconds", "paths", "methods")
_SECONDS = {"slow": 2.0, "rate_limited": 1.0}


class BadFaultError(ValueError):
    """The set of faults asked for cannot be understood."""


@dataclass(frozen=True)
class Strike:
    """The faults one request meets, each with its seconds."""

    seconds: dict[str, float]

    def __contains__(self, name: str) -> bool:
        return name in self.seconds


def current(store: Store) -> Object:
    """Return the set as it was put."""
    rows = store.all("select name, setting from faults order by rowid")
    seed = store.setting("fault_seed_given")
    shown = {row["name"]: json.loads(row["setting"]) for row in rows}
    return shown if seed is None else {**shown, "seed": seed}


def hits(store: Store) -> dict[str, int]:
    """Return how often each switch struck since it was put."""
    return {row["name"]: row["hits"] for row in store.all("select name, hits from faults")}


def replace_all(store: Store, asked: Any) -> None:
    """Put a new set in place of the old one, or raise BadFaultError and change nothing."""
    if not isinstance(asked, dict):
        raise BadFaultError(f"The body must be an object of switches. The names are: {_names()}.")
    wanted = dict(cast("Object", asked))
    seed = wanted.pop("seed", None)
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise BadFaultError(f"seed must be an integer. The names of the switches are: {_names()}.")
    settings = {ALIASES.get(name, name): value for name, value in wanted.items()}
    for name, value in settings.items():
        _check(name, value)
    store.run("delete from faults")
    store.insert_all("faults", [{"name": name, "setting": json.dumps(value)} for name, value in settings.items()])
    store.put_setting("fault_seed_given", seed)
    store.put_setting("fault_seed", secrets.randbits(32) if seed is None else seed)


def _names() -> str:
    return ", ".join(NAMES) + ' (also "429" and "500")'


def _check(name: str, value: Any) -> None:
    if name not in NAMES:
        raise BadFaultError(f"Unknown switch {name!r}. The names are: {_names()}.")
    if isinstance(value, bool):
        return
    setting: Object = cast("Object", value) if isinstance(value, dict) else {"rate": value}
    complaint = next(_complaints(setting), None)
    if complaint:
        raise BadFaultError(f"{name}: {complaint} The names of the switches are: {_names()}.")


def _complaints(setting: Object) -> Iterator[str]:
    for key in setting:
        if key not in _KEYS:
            yield f"{key!r} is no part of a setting; these are: {', '.join(_KEYS)}."
    if not _is_number(setting.get("rate", 1), most=1):
        yield "rate must be a number from 0 to 1 (or the whole setting true)."
    if not isinstance(setting.get("times", 0), int) or not _is_number(setting.get("times", 0)):
        yield "times must be a whole number."
    if not _is_number(setting.get("seconds", 0), most=3600):
        yield "seconds must be a number from 0 to 3600."
    for key in ("paths", "methods"):
        if not _is_texts(setting.get(key, [])):
            yield f"{key} must be a list of strings."


def _is_number(value: Any, most: float = float("inf")) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in cast("list[Any]", value))


def draw(store: Store, method: str, path: str) -> Strike:
    """Decide which faults this request meets, and remember that it was asked."""
    rows = {row["name"]: row for row in store.all("select * from faults")}
    if not rows:
        return Strike({})
    with store.transaction():
        seed = store.setting("fault_seed", 0)
        struck: dict[str, float] = {}
        for name in NAMES:
            if name in rows and not _settled(struck) and _strikes(store, rows[name], seed, method, path):
                setting = _full(rows[name])
                struck[name] = float(setting.get("seconds", _SECONDS.get(name, 0.0)))
    return Strike(struck)


def _settled(struck: dict[str, float]) -> bool:
    # A request that gets no work done, or no answer, cannot meet another fault.
    return not struck.keys().isdisjoint({"rate_limited", "server_error", "lost_response"})


def _full(row: Row) -> Object:
    value = json.loads(row["setting"])
    if isinstance(value, dict):
        return cast("Object", value)
    return {"rate": float(value)}


def _strikes(store: Store, row: Row, seed: int, method: str, path: str) -> bool:
    setting = _full(row)
    concerned = _concerned(setting, method, path)
    if not concerned or ("times" in setting and row["hits"] >= setting["times"]):
        return False
    drawn = hashlib.sha256(f"{seed}:{row['name']}:{row['asked']}".encode()).digest()
    struck = int.from_bytes(drawn[:6]) / 2**48 < float(setting.get("rate", 1))
    store.run("update faults set asked = asked + 1, hits = hits + ? where name = ?", int(struck), row["name"])
    return struck


def _concerned(setting: Object, method: str, path: str) -> bool:
    paths, methods = setting.get("paths") or [""], setting.get("methods") or [method]
    return any(part in path for part in paths) and method in {name.upper() for name in methods}
