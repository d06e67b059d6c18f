"""Every function that runs as its owner, called by every role that may call it, with all that names another tenant.

Its answer for a foreign id is that for an id of no row, and a census of all tenants' rows before and after says that
nothing of another's has changed. No other role may call it at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from api.ops.isolation.actors import Tenant
from api.ops.isolation.arguments import Arguments
from api.ops.isolation.attackers import Arena
from api.ops.isolation.attempts import Outcome, attempt
from api.ops.isolation.catalog import allowed
from api.ops.isolation.census import Changes, Watch, strangers
from api.ops.isolation.functions import Function
from api.ops.isolation.report import Section
from api.ops.isolation.stage import Stage
from api.ops.isolation.statements import Statement

Calls = list[list[Any]]
OF_TENANTS = ("company", "public")  # who must not touch another company of its organization either
CALL = "select * from {}({})"


def call(function: Function, values: Sequence[Any]) -> Statement:
    """Return a call with these values, each cast to what the function takes."""
    types = [sql.SQL("%s::" + kind) for _, kind in function.arguments]  # pyright: ignore[reportArgumentType]
    schema, name = function.called.split(".")
    return Statement(sql.SQL(CALL).format(sql.Identifier(schema, name), sql.SQL(", ").join(types)), tuple(values))


@dataclass(frozen=True)
class Seen:
    """What came of a row of calls: their outcomes, and what has changed, where a census could be taken."""

    outcomes: list[Outcome]
    changed: Changes | None


class Definers:
    """All definers. On a stage every row is counted; elsewhere only answers are compared."""

    def __init__(self, arena: Arena, arguments: Arguments, section: Section) -> None:
        self.arena = arena
        self.arguments = arguments
        self.section = section
        self.own = arena.cast.own
        self.succeeded: set[str] = set()
        self.watch = Watch(arena) if isinstance(arena, Stage) else None

    def run(self, functions: Sequence[Function]) -> None:
        """Try all of them."""
        for function in functions:
            if not function.definer or function.of_trigger:
                continue
            for tier in self.arena.tiers():
                if f"outbound_{tier}" not in function.grantees:
                    self._refused(function, tier)
                elif self.arena.can_open(tier, self.own):
                    self._probe(function, tier)
            callers = {f"outbound_{tier}" for tier in self.arena.tiers()} & set(function.grantees)
            if callers and function.name not in self.succeeded and "ticket" not in dict(function.arguments):
                text = f"{function.name}: nobody succeeded with own ids, so its refusals prove nothing"
                if self.watch is None:
                    self.section.not_run.append(text)
                else:
                    self.section.fail(function.name, text, "failed positives")

    def _refused(self, function: Function, tier: str) -> None:
        values = [self.arguments.own(each) for each in function.arguments]
        outcome = attempt(self.arena.of(tier), call(function, values))
        self.section.count(function.name, "probes")
        if not outcome.refused:
            self.section.fail(function.name, f"{function.name} may be called by {tier}: {outcome.text()}")

    def _probe(self, function: Function, tier: str) -> None:
        base = [self.arguments.own(each) for each in function.arguments]
        if self.watch is None and allowed()["functions"].get(function.name, {}).get("every"):
            self.section.not_run.append(f"{function.name}: it is for every tenant, so it is called in copies only")
            return
        opened = self._own(function, tier, base)
        self._outside(function, tier, base, opened=opened)
        sister = self.arena.cast.sister if tier in OF_TENANTS else None
        for victim in (sister, self.arena.cast.foreign):
            for place, argument in enumerate(function.arguments if victim else ()):
                # Elsewhere another row of the own tenant may have the same text, and rightly be named.
                fair = self.watch is not None or not argument[1].startswith("text")
                pairs = list(self.arguments.pairs(argument, victim)) if victim and fair else []
                sides = [[[*base[:place], value, *base[place + 1 :]] for value in side] for side in zip(*pairs)]  # noqa: B905
                if victim and sides:
                    by_effect = argument[1] != "bytea"
                    self._compare(function, tier, victim, (sides[0], sides[1]), by_effect=by_effect)

    def _calls(self, function: Function, tier: str, rows: Sequence[Sequence[Any]], *, entered: bool = True) -> Seen:
        """Call with each row of values, one after the other in one transaction, and undo it all."""
        conn = self.arena.of(tier)
        with conn.transaction(force_rollback=True):
            if entered:
                self.arena.place.enter(conn, tier, self.own)
            outcomes = [attempt(conn, call(function, values), keep=True) for values in rows]
            self.section.count(function.name, "probes", len(rows))
            return Seen(outcomes, self.watch.changed() if self.watch else None)

    def _own(self, function: Function, tier: str, base: list[Any]) -> bool:
        """With own ids it does its work and touches no other tenant's rows, a sister's among them."""
        rows = [base]
        for place, (_, kind) in enumerate(function.arguments):
            ids = self.arguments.values_of(self.own, kind) if kind == "uuid" and self.watch else []
            rows += [[*base[:place], own, *base[place + 1 :]] for own in ids]
        seen = self._calls(function, tier, rows)
        self.section.count(function.name, "positives")
        if any(_worked(outcome) for outcome in seen.outcomes) or seen.changed:
            self.succeeded.add(function.name)
        # What names no row in particular acts for the whole organization.
        whole = tier not in OF_TENANTS and "uuid" not in dict(function.arguments).values()
        self._judge_changes(function, tier, seen, "with own ids", whole=whole)
        self._judge_shown(function, tier, seen, "with own ids")
        return any(outcome.sqlstate is None for outcome in seen.outcomes)

    def _outside(self, function: Function, tier: str, base: list[Any], *, opened: bool) -> None:
        """Without a context it changes nothing and reveals no tenant; but for what works without one alone."""
        seen = self._calls(function, tier, [base], entered=False)
        every = allowed()["functions"].get(function.name, {}).get("every")
        if not opened and every and _worked(seen.outcomes[0]):
            self.succeeded.add(function.name)
            self._judge_changes(function, tier, seen, "without a context", whole=False)
            return
        ids = {value for tenant in self.arena.cast.tenants for value in self.arguments.values_of(tenant, "uuid")}
        shown = str(seen.outcomes[0].rows)
        if seen.changed or any(value in shown for value in ids - set(map(str, base))):
            text = f"{function.name}, {tier} without a context: {shown}, changed {sorted(seen.changed or ())}"
            self.section.fail(function.name, text)

    def _compare(
        self, function: Function, tier: str, victim: Tenant, calls: tuple[Calls, Calls], *, by_effect: bool
    ) -> None:
        """Their values against those of no row. A hash that is taken may do less: knowing it reveals nothing."""
        theirs, absent = (self._calls(function, tier, rows) for rows in calls)
        what = f"with ids of {victim.name}"
        self._judge_changes(function, tier, theirs, what, whole=tier not in OF_TENANTS)
        if allowed()["functions"].get(function.name, {}).get("every"):
            return
        self._judge_shown(function, tier, theirs, what)
        for at, (taken, free) in enumerate(zip(theirs.outcomes, absent.outcomes, strict=True)):
            answers = (_answers(taken, calls[0][at]), _answers(free, calls[1][at]))
            if answers[0] != answers[1]:
                text = f"{function.name}, {tier}, {what}: {answers[0]}, for those of no row {answers[1]}"
                self.section.fail(function.name, text)
        if by_effect and theirs.changed != absent.changed:
            text = f"{function.name}, {tier}, {what}: changes {theirs.changed}, for those of no row {absent.changed}"
            self.section.fail(function.name, text)

    def _judge_changes(self, function: Function, tier: str, seen: Seen, what: str, *, whole: bool) -> None:
        # What is for every tenant may move some tables of every tenant, and those alone.
        moves = allowed()["functions"].get(function.name, {}).get("moves", ())
        changed = {lot: amount for lot, amount in (seen.changed or {}).items() if lot.table not in moves}
        if lots := strangers(changed, self.own, whole=whole, operator=tier == "platform"):
            self.section.fail(function.name, f"{function.name}, {tier}, {what}: it changed {lots}")

    def _judge_shown(self, function: Function, tier: str, seen: Seen, what: str) -> None:
        if allowed()["functions"].get(function.name, {}).get("every"):
            return
        victims = [self.arena.cast.foreign, *([self.arena.cast.sister] if tier in OF_TENANTS else [])]
        theirs = {value for victim in victims if victim for value in self.arguments.theirs(victim, "uuid")}
        shown = str([outcome.rows for outcome in seen.outcomes])
        if any(value in shown for value in theirs):
            self.section.fail(function.name, f"{function.name}, {tier}, {what}: it shows another tenant's rows")


def _worked(outcome: Outcome) -> bool:
    answers = [value for row in outcome.rows for value in row]
    return outcome.sqlstate is None and any(value is not None and value is not False for value in answers)


def _answers(outcome: Outcome, values: Sequence[Any]) -> tuple[str, ...]:
    """Return all that came back, without what the caller itself had sent."""
    sent: list[str] = []
    for value in values:
        sent += map(str, value) if isinstance(value, list) else [str(value)]  # pyright: ignore[reportUnknownArgumentType]
    answers = [*outcome.diagnostics(), str(outcome.rows)]
    for value in sorted((text for text in sent if len(text) > 6), key=len, reverse=True):
        answers = [text.replace(value, "…") for text in answers]
    return tuple(answers)
