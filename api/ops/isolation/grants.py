"""The lint's rules about rights: roles that are members of nothing, grants, and the written list of definers."""

from collections.abc import Mapping
from typing import Any

from api.db.queries import Query, beside
from api.ops.isolation.catalog import COMPANY_ROLES, Connection, allowed, ask

SQL = beside(__file__, "grants.sql")
RULES = ("definer", "provider-column")
PINNED = ("search_path=pg_catalog, pg_temp", "search_path=pg_catalog, jobs, pg_temp")


def rules() -> list[tuple[str, Query, str, bool]]:
    """Return name, query and advice of the rules that need nothing but a query, and whether they only warn."""
    return [
        ("role", SQL.powerful_roles, "Revoke it: login roles are members of nothing and bypass nothing.", False),
        (
            "privilege",
            SQL.forbidden_privileges,
            "Revoke it; the pages in supabase/policies are the whole truth.",
            False,
        ),
        ("public", SQL.open_to_everybody, "Revoke it; nothing of ours is for everybody.", False),
        ("bypassing-definer", SQL.bypassing_definers, "Revoke execute on it from our roles.", True),
    ]


def judge(conn: Connection) -> list[tuple[str, str, str, str]]:
    """Return every broken rule about definers and about columns that name a provider."""
    roles = {"roles": list(COMPANY_ROLES)}
    return [
        *judge_definers(ask(conn, SQL.definers)),
        *judge_company_columns(ask(conn, SQL.relation_columns_granted, roles)),
    ]


def judge_definers(rows: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Compare the functions that run as their owner with the written list."""
    known: Mapping[str, Mapping[str, Any]] = allowed()["definers"]
    found = {row["name"]: row for row in rows}
    broken = [
        ("definer", name, "is listed and does not exist", "Take it out of the list.") for name in known.keys() - found
    ]
    for name, row in sorted(found.items()):
        if name not in known:
            advice = "Make it an invoker's function, or list it in api/ops/isolation/allowed.json."
            broken.append(("definer", name, f"runs as {row['owner']} and is not listed", advice))
        elif row["owner"] != known[name]["owner"] or row["grantees"] != sorted(known[name]["grantees"]):
            told = f"is {row['owner']}'s, for {row['grantees']}; listed is {known[name]['grantees']}"
            broken.append(("definer", name, told, "Change 30_doors.sql or api/ops/isolation/allowed.json."))
        if row["search_path"] not in PINNED:
            broken.append(
                ("definer", name, "has no pinned search_path", "Add `set search_path = pg_catalog, pg_temp`.")
            )
    return broken


def judge_company_columns(rows: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Find what a company's role holds on a column that names a provider or binds a row to one."""
    names: list[str] = allowed()["provider_columns"]
    return [
        ("provider-column", f"{row['relation']}.{row['name']}", f"{row['role']} holds a privilege on it", "Revoke it.")
        for row in rows
        if row["relation"].endswith("_bindings") or row["name"] in names
    ]
