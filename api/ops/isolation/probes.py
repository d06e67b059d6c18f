"""The matrix: every table, every verb, every attacker; and beside each refusal the same statement on an own row."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

from api.ops.isolation.actors import OWNER, wear
from api.ops.isolation.attackers import Arena, Attacker, attackers
from api.ops.isolation.attempts import Outcome, attempt
from api.ops.isolation.catalog import Catalog, Connection, Relation
from api.ops.isolation.report import Say, Section
from api.ops.isolation.statements import AIMED, PUT, READS, Statement, Target, Values, move
from api.ops.isolation.targets import Aim, Rows, renewed

VERBS = (*READS, *PUT, *AIMED)
PASSED = ("23505", "23503")  # the fence let it through, and a key or a reference of its own stopped it


class Matrix:
    """One run over a database. `wide`: every role was granted everything, so that only the fences stand."""

    def __init__(self, arena: Arena, catalog: Catalog, rows: Rows, section: Section, *, wide: bool) -> None:
        self.arena = arena
        self.catalog = catalog
        self.rows = rows
        self.section = section
        self.wide = wide
        self.proven_verbs: set[tuple[str, str]] = set()

    def run(self, relations: list[Relation], say: Say, chosen: list[Attacker] | None = None) -> None:
        """Try everything on these tables; `chosen` narrows who tries."""
        chosen = attackers(self.arena) if chosen is None else chosen
        for number, attacker in enumerate(chosen, start=1):
            before = self.section.counts["probes"]
            with self._dressed(attacker) as conn:
                for relation in relations:
                    self._on_table(conn, Aim(self.catalog, attacker, relation, self.wide))
            tried = self.section.counts["probes"] - before
            say(f"  {number:>3} of {len(chosen)}  {attacker.name}: {tried} probes")
        self._judge_positives(relations)

    @contextmanager
    def _dressed(self, attacker: Attacker) -> Generator[Connection]:
        conn = self.arena.of(attacker.tier)
        with conn.transaction(force_rollback=True):
            attacker.dress(conn)
            yield conn

    def _on_table(self, conn: Connection, aim: Aim) -> None:
        attacker, relation = aim.attacker, aim.relation
        sisters = attacker.scope is not None and attacker.scope.org_id == attacker.victim.org_id
        victim = self.rows.of(relation, attacker.victim)
        if victim is None or (sisters and relation.company_column is None):
            return
        for name, verb in {**READS, **AIMED}.items():
            self._try(conn, aim, name, verb(aim.at(victim)))
        for name, put in PUT.items():
            row = renewed(aim, victim) if name.startswith("insert") else victim
            self._put(conn, aim, name, put(aim.at(row)))
        own = self.rows.of(relation, attacker.scope) if attacker.scope else victim
        if own is not None:
            for name, statement in moves(aim, aim.at(own), victim, within=sisters):
                self._try(conn, aim, name, statement)
            if attacker.scope is not None:
                self._positives(conn, aim, own)

    def _put(self, conn: Connection, aim: Aim, name: str, statement: Statement) -> None:
        """Try an insert; where the owner's columns may not be named, through the settings that are their defaults."""
        written = aim.written()
        if "org_id" in written or (aim.attacker.tier == "company" and "company_id" in written):
            self._try(conn, aim, name, statement)
            return
        with conn.transaction(force_rollback=True):
            claims = aim.attacker.victim.claims("company")
            wear(conn, {setting: claims[setting] for setting in ("app.org_id", "app.company_id")})
            self._try(conn, aim, name, statement)

    def _try(self, conn: Connection, aim: Aim, verb: str, statement: Statement) -> None:
        outcome = attempt(conn, statement)
        self.section.count(aim.relation.name, "probes")
        if wrong := judge(aim, verb, outcome):
            self.section.fail(aim.relation.name, f"{aim.relation.name}, {verb}, {aim.attacker.name}: {wrong}")

    def _positives(self, conn: Connection, aim: Aim, own: Values) -> None:
        for name, verb in {**READS, **AIMED, **PUT}.items():
            if not aim.can(name):
                continue
            row = renewed(aim, own) if name.startswith("insert") else own
            outcome = attempt(conn, verb(aim.at(row)))
            if name.startswith("insert") and outcome.sqlstate == "23505" and aim.attacker.tier == OWNER:
                outcome = cleared(conn, aim, own, verb)
            self.section.count(aim.relation.name, "positives")
            if succeeded(name, outcome):
                self.proven_verbs.add((aim.relation.name, name))
            else:
                text = f"{aim.relation.name}, {name}, {aim.attacker.name}, on its own row: {outcome.text()}"
                self.section.fail(aim.relation.name, text, "failed positives")

    def _judge_positives(self, relations: list[Relation]) -> None:
        for relation in relations:
            known = any((relation.name, tenant.name) in self.rows.rows for tenant in self.arena.cast.tenants)
            for verb in VERBS if relation.org_column and known else ():
                if (relation.name, verb) not in self.proven_verbs:
                    text = f"{relation.name}, {verb}: nobody succeeded on an own row, so its refusals prove nothing"
                    self.section.fail(relation.name, text, "failed positives")


def judge(aim: Aim, verb: str, outcome: Outcome) -> str | None:
    """Return what is wrong with how an attack ended, or None when it was refused or came to nothing."""
    if outcome.sqlstate in aim.attacker.trips:
        return None
    if outcome.sqlstate and not outcome.refused:
        return f"refused, but not by the fence: {outcome.text()}"
    if verb in READS:
        shown = aim.shown()
        strange = [row for row in outcome.rows if not aim.attacker.may_see(aim.relation, shown, row)]
        reached = verb == "select by id" and outcome.rows
        return f"it saw {len(strange or outcome.rows)} rows" if strange or reached else None
    if verb in AIMED or (verb.startswith("move") and aim.attacker.scope is None):
        return None if outcome.refused or outcome.count == 0 else f"it touched {outcome.count} rows"
    if not outcome.refused:
        return f"it was not refused: {outcome.text()}"
    must_be_fenced = aim.wide or aim.attacker.tier == OWNER
    return None if outcome.fenced or not must_be_fenced else f"refused for want of a grant: {outcome.text()}"


def moves(aim: Aim, own: Target, victim: Values, *, within: bool) -> Iterator[tuple[str, Statement]]:
    """Yield the updates that would give an own row to the victim, each with and without reading it back."""
    relation = aim.relation
    columns = [str(relation.company_column)] if within else [str(relation.org_column)]
    if not within and relation.company_column == "company_id" and victim.get("company_id"):
        columns.append("company_id")
    name = "move to the company" if within else "move to the organization"
    yield name, move(own, columns, victim)
    yield f"{name} returning", move(own, columns, victim, returning=True)


def succeeded(verb: str, outcome: Outcome) -> bool:
    """Whether an own row was reached: the statement worked, or what stopped it was no fence."""
    if outcome.sqlstate is None:
        return outcome.count > 0 or verb == "on conflict do nothing"
    raised = "PL/pgSQL function outbound." in outcome.context and not outcome.refused
    return raised or (outcome.sqlstate in PASSED and verb not in READS)


def cleared(conn: Connection, aim: Aim, own: Values, verb: Callable[[Target], Statement]) -> Outcome:
    """Try an insert again once the row that holds its unique values is gone, or at least soft-deleted."""
    target = aim.at(own)
    with conn.transaction(force_rollback=True):
        with_gone = attempt(conn, AIMED["delete"](target), keep=True)
        if with_gone.sqlstate and "deleted_at" in aim.relation.columns:
            attempt(conn, move(target, ["deleted_at"], {"deleted_at": "now"}), keep=True)
        return attempt(conn, verb(aim.at(renewed(aim, own))))
