"""What is shut to every role: keys, credentials and platform data; and no login role becomes another."""

from collections.abc import Iterator

from api.ops.isolation.actors import one
from api.ops.isolation.attackers import Arena
from api.ops.isolation.attempts import attempt
from api.ops.isolation.catalog import Catalog, Connection, allowed
from api.ops.isolation.report import Section
from api.ops.isolation.statements import (
    Statement,
    Target,
    bare,
    copy_to,
    delete,
    insert,
    merge,
    private,
    select_all,
    update,
)

ON_PRIVATE = (
    "select * from {}",
    "select count(*) from {}",
    "copy {} to stdout",
    "insert into {} default values",
    "delete from {}",
)
TENANT_TIERS = ("org", "company", "worker", "public")
BECOME = "select set_config('role', %s, true)"


def probe_closed(arena: Arena, catalog: Catalog, section: Section) -> None:
    """Try everything that must be refused whatever the context, with a context where there is one."""
    for tier in arena.tiers():
        own = arena.cast.own
        conn = arena.of(tier)
        with conn.transaction(force_rollback=True):
            if arena.can_open(tier, own):
                arena.place.enter(conn, tier, own)
            for name, what, statement in _statements(catalog, tier):
                outcome = attempt(conn, statement)
                section.count(name, "probes")
                if not outcome.refused:
                    section.fail(name, f"{name}, {what}, {tier}: {outcome.text()}")
            _climb(conn, tier, section)


def _statements(catalog: Catalog, tier: str) -> Iterator[tuple[str, str, Statement]]:
    for name in catalog.private:
        for text in ON_PRIVATE:
            yield f"ctx.{name}", text.split()[0], Statement(private(text, name).text, copies=text.startswith("copy"))
    for relation in catalog.relations.values():
        if relation.org_column or tier not in TENANT_TIERS:
            continue
        row = dict.fromkeys(relation.columns)
        target = Target(relation, row, relation.key, relation.plain_columns, "created_at")
        for what, make in (("insert", insert), ("update", update), ("delete", delete), ("merge", merge)):
            yield relation.name, what, make(target)
        if tier not in allowed()["platform_tables"].get(relation.name, {"readers": []})["readers"]:
            yield relation.name, "select all", select_all(target)
            yield relation.name, "copy to", copy_to(target)


def _climb(conn: Connection, tier: str, section: Section) -> None:
    own = str(one(conn, b"select session_user"))
    roles = conn.execute(b"select rolname from pg_catalog.pg_roles where rolname <> session_user").fetchall()
    for (role,) in roles:
        outcome = attempt(conn, bare(BECOME, role))
        section.count("roles", "probes")
        if not outcome.refused:
            section.fail("roles", f"{own} became {role}: {outcome.text()}")
    section.count("roles", "positives")
    if attempt(conn, bare(BECOME, own)).sqlstate:
        section.fail("roles", f"{tier} may not even name itself", "failed positives")
