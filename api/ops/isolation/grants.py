"""The lint's rules about rights: roles that are members of nothing, and each column's against a written list."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from api.db.queries import Query, beside
from api.ops.isolation.catalog import COMPANY_ROLES, REQUEST_ROLES, Connection, allowed, ask, written_rights

SQL = beside(__file__, "grants.sql")
RULES = ("provider-column", "secret-column", "rights")

Rights = Sequence[Mapping[str, Any]]


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
        ("public", SQL.open_to_public, "Revoke it; nothing of ours is for everybody.", False),
        ("bypassing-definer", SQL.bypassing_definers, "Revoke execute on it from our roles.", True),
    ]


def judge(conn: Connection) -> list[tuple[str, str, str, str]]:
    """Return every broken rule about who may read and write what."""
    rows = ask(conn, SQL.rights, {"roles": list(REQUEST_ROLES)})
    return [*judge_company_columns(rows), *judge_secrets(rows), *judge_rights(rows)]


def judge_company_columns(rows: Rights) -> Iterator[tuple[str, str, str, str]]:
    """Find what a company's role holds on a column that names a provider or binds a row to one."""
    names: list[str] = allowed()["provider_columns"]
    for row in rows:
        if (
            row["role"] in COMPANY_ROLES
            and row["verb"] != "delete"
            and row["relation"].startswith(("outbound.", "dash"))
        ):
            for name in row["columns"].split(", "):
                if row["relation"].endswith("_bindings") or name in names:
                    text = f"{row['role']} holds a privilege on it"
                    yield "provider-column", f"{row['relation']}.{name}", text, "Revoke it."


def judge_secrets(rows: Rights) -> Iterator[tuple[str, str, str, str]]:
    """Find who reads what only doors may read, and who writes what only the worker or a trigger may write."""
    for verbs, kept in ((("select",), "secret_columns"), (("insert", "update"), "kept_columns")):
        for row in rows:
            for name in row["columns"].split(", ") if row["verb"] in verbs else ():
                roles = allowed()[kept].get(f"{row['relation']}.{name}")
                if roles is not None and row["role"] not in roles:
                    where = f"{row['relation']}.{name}"
                    yield "secret-column", where, f"{row['role']} holds {row['verb']} on it", "Revoke it."


def judge_rights(rows: Rights) -> Iterator[tuple[str, str, str, str]]:
    """Compare every right on every column with `rights.json`."""
    found = {(row["relation"], row["role"], row["verb"]): str(row["columns"]) for row in rows}
    wanted = {
        (relation, role, verb): columns
        for relation, roles in written_rights().items()
        for role, verbs in roles.items()
        for verb, columns in verbs.items()
    }
    for key in sorted(found.keys() | wanted.keys()):
        granted, listed = (set(each.get(key, "").split(", ")) - {""} for each in (found, wanted))
        if granted != listed:
            more, less = sorted(granted - listed), sorted(listed - granted)
            text = f"{key[1]} holds {key[2]} on {more} more and {less} less than listed"
            advice = "Change the page in supabase/policies, or write it into rights.json (`python -m api.dev.allowed`)."
            yield "rights", key[0], text, advice
