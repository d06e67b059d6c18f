"""Named switches that make a simulator misbehave; the set is kept in the state and outlives a restart.

When several are on, each request meets them in the order the simulator names them. Of those that all simulators
have, `rate_limited` and `server_error` answer before any work is done; `slow` waits, then lets the work go on;
after the work `lost_response` closes the connection without a byte, else `malformed` cuts the answer short.

Whether a switch strikes is drawn from the seed, its name and how often it was drawn: a seed repeats itself.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from providers.simulators.kit.store import Object, Row, Store

ALIASES = {"429": "rate_limited", "500": "server_error"}
_KEYS = ("rate", "times", "seconds", "paths", "methods")


class BadFaultError(ValueError):
    """The given set of faults cannot be understood."""


@dataclass(frozen=True)
class Switch:
    """A fault by name, with the seconds it takes by default.

    A request that meets a switch which `ends` gets no work done, or no answer, and meets no further one. A
    `standing` switch is no matter of requests: the simulator asks for it with `on` or `strikes`.
    """

    name: str
    seconds: float = 0.0
    ends: bool = False
    standing: bool = False


GENERAL = (
    Switch("rate_limited", seconds=1.0, ends=True),
    Switch("server_error", ends=True),
    Switch("slow", seconds=2.0),
    Switch("lost_response", ends=True),
    Switch("malformed"),
    Switch("webhook_outage", standing=True),
)


@dataclass(frozen=True)
class Strike:
    """The faults one request meets, each with its seconds."""

    seconds: dict[str, float]

    def __contains__(self, name: str) -> bool:
        return name in self.seconds


class Faults:
    """The switches of one simulator, in the order a request meets them."""

    def __init__(self, store: Store, switches: Sequence[Switch] = GENERAL) -> None:
        self._store = store
        self._switches = {switch.name: switch for switch in switches}

    def current(self) -> Object:
        """Return the set as it was put."""
        rows = self._store.all("select name, setting from faults order by rowid")
        seed = self._store.setting("fault_seed_given")
        shown = {row["name"]: json.loads(row["setting"]) for row in rows}
        return shown if seed is None else {**shown, "seed": seed}

    def hits(self) -> dict[str, int]:
        """Return how often each switch struck since it was put."""
        return {row["name"]: row["hits"] for row in self._store.all("select name, hits from faults")}

    def replace_all(self, given: Any) -> None:
        """Put a new set in place of the old one, or raise BadFaultError and change nothing."""
        if not isinstance(given, dict):
            raise BadFaultError(f"The body must be an object of switches. The names are: {self._names()}.")
        wanted = dict(cast("Object", given))
        seed = wanted.pop("seed", None)
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise BadFaultError(f"seed must be an integer. The names of the switches are: {self._names()}.")
        settings = {ALIASES.get(name, name): value for name, value in wanted.items()}
        for name, value in settings.items():
            self._check(name, value)
        self._store.run("delete from faults")
        rows = [{"name": name, "setting": json.dumps(value)} for name, value in settings.items()]
        self._store.insert_all("faults", rows)
        self._store.put_setting("fault_seed_given", seed)
        self._store.put_setting("fault_seed", secrets.randbits(32) if seed is None else seed)

    def _names(self) -> str:
        return ", ".join(self._switches) + ' (also "429" and "500")'

    def _check(self, name: str, value: Any) -> None:
        if name not in self._switches:
            raise BadFaultError(f"Unknown switch {name!r}. The names are: {self._names()}.")
        if isinstance(value, bool):
            return
        setting: Object = cast("Object", value) if isinstance(value, dict) else {"rate": value}
        complaint = next(_complaints(setting), None)
        if complaint:
            raise BadFaultError(f"{name}: {complaint} The names of the switches are: {self._names()}.")

    def draw(self, method: str, path: str) -> Strike:
        """Decide which faults this request meets, and count the draw."""
        rows = {row["name"]: row for row in self._store.all("select * from faults")}
        if not rows:
            return Strike({})
        struck: dict[str, float] = {}
        with self._store.transaction():
            for name, switch in self._switches.items():
                if name in rows and not switch.standing and self._strikes(rows[name], method, path):
                    struck[name] = float(_full(rows[name]).get("seconds", switch.seconds))
                    if switch.ends:
                        break
        return Strike(struck)

    def on(self, name: str) -> bool:
        """Return whether a standing switch is on."""
        row = self._store.one("select * from faults where name = ?", name)
        return row is not None and float(_full(row).get("rate", 1)) > 0

    def strikes(self, name: str) -> bool:
        """Draw once for a standing switch; the caller holds a transaction."""
        row = self._store.one("select * from faults where name = ?", name)
        return row is not None and self._strikes(row, "", "")

    def seconds(self, name: str) -> float:
        """Return the seconds of a switch as it is set."""
        row = self._store.one("select * from faults where name = ?", name)
        usual = self._switches[name].seconds
        return usual if row is None else float(_full(row).get("seconds", usual))

    def _strikes(self, row: Row, method: str, path: str) -> bool:
        setting = _full(row)
        concerned = _concerned(setting, method, path)
        if not concerned or ("times" in setting and row["hits"] >= setting["times"]):
            return False
        seed = self._store.setting("fault_seed", 0)
        drawn = hashlib.sha256(f"{seed}:{row['name']}:{row['asked']}".encode()).digest()
        struck = int.from_bytes(drawn[:6]) / 2**48 < float(setting.get("rate", 1))
        self._store.run("update faults set asked = asked + 1, hits = hits + ? where name = ?", int(struck), row["name"])
        return struck


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


def _full(row: Row) -> Object:
    value = json.loads(row["setting"])
    if isinstance(value, dict):
        return cast("Object", value)
    return {"rate": float(value)}


def _concerned(setting: Object, method: str, path: str) -> bool:
    paths, methods = setting.get("paths") or [""], setting.get("methods") or [method]
    return any(_is_part(part, path) for part in paths) and method in {name.upper() for name in methods}


def _is_part(part: str, path: str) -> bool:
    """Tell whether a text is in a path or, with a dollar sign at its end, ends it."""
    return path.endswith(part[:-1]) if part.endswith("$") else part in path
