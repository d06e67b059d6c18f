"""Contexts forged in twelve shapes, most of them inside the very statement that reads."""

from collections.abc import Iterator

from api.ops.isolation.actors import OWNER, Settings, Tenant, one, wear
from api.ops.isolation.attackers import Arena, Attacker, entering, worn_earlier, worn_elsewhere
from api.ops.isolation.attempts import attempt
from api.ops.isolation.catalog import Catalog, Connection
from api.ops.isolation.report import Section
from api.ops.isolation.statements import Statement, Target, bare, select_all, within
from api.ops.isolation.targets import Aim, Rows

TIERS = ("org", "company", "worker")
INSIDE = {
    "materialized CTE": "with f as materialized (select {forge}) select {shown} from f, {table} as t",
    "lateral": "select {shown} from (select {forge}) as f "
    "cross join lateral (select {plain} from {table} offset 0) as t",
    "condition": "select {shown} from {table} as t where ({forge}) is not null",
    "function that runs text": "select word from (select {forge}) as f cross join lateral ts_stat({scan})",
    "query_to_xml": "select ({forge}) || query_to_xml({query}, true, false, '')::text",
}
START = b"select (extract(epoch from transaction_timestamp()) * 1000000)::bigint"
HARMLESS = {"app.note": "harmless"}
REFUSED = {
    "role climb": bare("select set_config('role', 'outbound_owner', true)"),
    "key table read": bare("select k.outer_pad from ctx.keys as k"),
    "function in pg_temp": bare("create function pg_temp.mine() returns int language sql as 'select 1'"),
}


def signed_by_owner(owner: Connection, claims: Settings, kid: str, moment: tuple[int, int]) -> str:
    """Return the MAC of these settings for a backend and a transaction's start, as only the key's owner can make it."""
    with owner.transaction(force_rollback=True):
        owner.execute(b"set local role outbound_owner")
        values = [claims[name] for name in ("app.org_id", "app.company_id", "app.user_id", "app.tier")]
        message = str(one(owner, b"select ctx.message(%s, %s, %s, %s)", [*values]))
        message = message.replace(f"|{owner.info.backend_pid}|", f"|{moment[0]}|")
        message = message.replace(f"|{one(owner, START)}", f"|{moment[1]}")
        return str(
            one(
                owner,
                b"select ctx.sign(k, %s) from ctx.keys as k where k.kind = 'context' and k.kid = %s",
                [message, kid],
            )
        )


class Forgery:
    """Every shape on every table, by every role that has contexts."""

    def __init__(self, arena: Arena, catalog: Catalog, rows: Rows, section: Section, *, wide: bool) -> None:
        self.arena = arena
        self.catalog = catalog
        self.rows = rows
        self.section = section
        self.wide = wide

    def run(self) -> None:
        """Try them all."""
        cast = self.arena.cast
        for tier in TIERS:
            if not self.arena.can_open(tier, cast.own):
                self.section.not_run.append(f"forged contexts of {tier}: no credential was given")
                continue
            dress = entering(self.arena.place, tier, cast.own)
            attacker = Attacker(tier, tier, cast.foreign, cast.own, dress)
            for victim in (cast.foreign, cast.sister) if tier == "company" else (cast.foreign,):
                if victim is not None:
                    self._settings(attacker, victim)
                    self._inside(attacker, victim)
            self._refused(attacker)
            self._signed_for_others(attacker)

    def _settings(self, attacker: Attacker, victim: Tenant) -> None:
        """Try settings that are put on before the statement, in a context of one's own."""
        for name, settings, bare_context in self._forged(attacker, victim):
            conn = self.arena.of(attacker.tier)
            with conn.transaction(force_rollback=True):
                if not bare_context:
                    attacker.dress(conn)
                wear(conn, settings)
                self._look(conn, attacker, name)

    def _forged(self, attacker: Attacker, victim: Tenant) -> Iterator[tuple[str, Settings, bool]]:
        tier, claims = attacker.tier, victim.claims(attacker.tier)
        yield "plain settings", {**claims, "app.signature": ""}, False
        yield "wrong MAC", {**claims, "app.signature": f"c1:{'0' * 64}"}, False
        yield "swapped owner, kept MAC", {name: claims[name] for name in ("app.org_id", "app.company_id")}, False
        yield "swapped tier, kept MAC", {"app.tier": "platform"}, False
        yield "swapped user, kept MAC", {"app.user_id": str(victim.org_id)}, False
        earlier = worn_earlier(self.arena, tier, self.arena.cast.own)
        yield "earlier context", earlier, True
        if self.arena.can_open(tier, victim):
            yield "other backend's context", worn_elsewhere(self.arena, tier, victim), True
        yield "cleared, opened with another's claims", {**claims, "app.signature": ":"}, True

    def _look(self, conn: Connection, attacker: Attacker, shape: str) -> None:
        """Nothing at all may be seen once the signature is not valid."""
        for aim, target in self._targets(attacker):
            outcome = attempt(conn, select_all(target))
            self.section.count(aim.relation.name, "probes")
            if outcome.rows or (outcome.sqlstate and not outcome.refused):
                self.section.fail(aim.relation.name, f"{aim.relation.name}, {shape}, {attacker.name}: {outcome.text()}")

    def _inside(self, attacker: Attacker, victim: Tenant) -> None:
        """Try settings that change while a statement runs: own rows may come, another's never."""
        claims: Settings = victim.claims(attacker.tier)
        conn = self.arena.of(attacker.tier)
        with conn.transaction(force_rollback=True):
            attacker.dress(conn)
            for aim, target in self._targets(attacker):
                for shape, text in INSIDE.items():
                    self._read(conn, aim, shape, within(text, target, dict(claims)))
                    if self.wide and victim is self.arena.cast.foreign:
                        self._read_own(conn, aim, shape, within(text, target, HARMLESS))

    def _read(self, conn: Connection, aim: Aim, shape: str, statement: Statement) -> None:
        outcome = attempt(conn, statement)
        name = aim.relation.name
        if outcome.sqlstate == "0A000":
            text = f"{shape}: this Postgres is built without it"
            self.section.not_run += [text] if text not in self.section.not_run else []
            return
        self.section.count(name, "probes")
        if shape in ("query_to_xml", "function that runs text"):
            # The first text is what the attacker itself set; what was read stands behind it.
            foreign = str(aim.attacker.victim.org_id)
            read = [
                str(row[0]).rpartition("<")[0].partition("<")[2] if "xml" in shape else row[0] for row in outcome.rows
            ]
            leaked = [text for text in read if foreign in str(text)]
        else:
            leaked = [str(row) for row in outcome.rows if not aim.attacker.may_see(aim.relation, aim.shown(), row)]
        if leaked or (outcome.sqlstate and not outcome.refused):
            self.section.fail(name, f"{name}, {shape}, {aim.attacker.name}: {len(leaked)} rows, {outcome.text()}")

    def _read_own(self, conn: Connection, aim: Aim, shape: str, statement: Statement) -> None:
        """The same statement without a forged value must show own rows, or its silence would prove nothing."""
        outcome = attempt(conn, statement)
        if outcome.sqlstate == "0A000" or self.rows.of(aim.relation, self.arena.cast.own) is None:
            return
        self.section.count(aim.relation.name, "positives")
        if outcome.sqlstate or str(self.arena.cast.own.org_id) not in str(outcome.rows):
            text = f"{aim.relation.name}, {shape}, {aim.attacker.name}, unforged: {outcome.text()}"
            self.section.fail(aim.relation.name, text, "failed positives")

    def _refused(self, attacker: Attacker) -> None:
        conn = self.arena.of(attacker.tier)
        with conn.transaction(force_rollback=True):
            attacker.dress(conn)
            for shape, statement in REFUSED.items():
                outcome = attempt(conn, statement)
                self.section.count("context", "probes")
                if not outcome.refused:
                    self.section.fail("context", f"{shape}, {attacker.name}: {outcome.text()}")

    def _signed_for_others(self, attacker: Attacker) -> None:
        """Let the key's owner sign for this backend and transaction, then for a neighbour of each: only one holds."""
        if not self.arena.can_open(OWNER, self.arena.cast.own):
            self.section.not_run.append("signatures for another backend at the same moment: no owner's address")
            return
        claims = self.arena.cast.own.claims(attacker.tier)
        kid = worn_earlier(self.arena, attacker.tier, self.arena.cast.own)["app.signature"].partition(":")[0]
        conn = self.arena.of(attacker.tier)
        for backend_off, start_off in ((0, 0), (1, 0), (0, 1)):
            with conn.transaction(force_rollback=True):
                start = int(one(conn, START)) + start_off
                mac = signed_by_owner(self.arena.of(OWNER), claims, kid, (conn.info.backend_pid + backend_off, start))
                wear(conn, {**claims, "app.signature": f"{kid}:{mac}"})
                if backend_off or start_off:
                    self._look(conn, attacker, "another backend's MAC" if backend_off else "another moment's MAC")
                    continue
                self.section.count("context", "positives")
                if not any(attempt(conn, select_all(target)).rows for _, target in self._targets(attacker)):
                    text = f"a context signed by the key's owner does not hold, {attacker.name}"
                    self.section.fail("context", text, "failed positives")

    def _targets(self, attacker: Attacker) -> Iterator[tuple[Aim, Target]]:
        for relation in self.catalog.tenant_relations:
            row = self.rows.of(relation, attacker.victim)
            if row is not None:
                aim = Aim(self.catalog, attacker, relation, self.wide)
                yield aim, aim.at(row)
