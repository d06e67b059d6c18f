"""Who a transaction acts for: what a caller showed, and what the database made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.pq import Format
from psycopg.pq.abc import PGresult

_TEXT_ARRAY = 1009


@dataclass(frozen=True)
class Credential:
    """What a caller showed, judged by its form or signature alone. `subject` is the name the database knows it by."""

    tier: str
    kind: str
    subject: str


@dataclass(frozen=True)
class AuthContext:
    """Who a transaction acts for, as the database itself read it from the credential."""

    org_id: UUID
    company_id: UUID | None
    user_id: UUID | None
    credential_id: UUID | None
    tier: str
    auth_method: str = "job"
    role: str | None = None
    scopes: tuple[str, ...] | None = None


def from_row(row: Mapping[str, Any]) -> AuthContext:
    """Return what `ctx.open` answered, from a row that psycopg read."""
    scopes = row["scopes"]
    return AuthContext(
        row["org_id"], row["company_id"], row["user_id"], row["credential_id"], row["tier"], row["kind"], row["role"],
        None if scopes is None else tuple(scopes),
    )  # fmt: skip


def from_result(conn: AsyncConnection[Any], result: PGresult) -> AuthContext:
    """Read the same row from a flushed result, whose values are text. Raises RuntimeError when no context is open."""
    values = [result.get_value(0, column) for column in range(8)]
    org, company, user, credential = (None if value is None else UUID(value.decode()) for value in values[:4])
    tier, kind, role = ("" if value is None else value.decode() for value in values[4:7])
    scopes = None
    if values[7] is not None:
        loader = conn.adapters.get_loader(_TEXT_ARRAY, Format.TEXT)
        scopes = tuple(loader(_TEXT_ARRAY, conn).load(values[7])) if loader else ()
    if org is None:
        raise RuntimeError("ctx.open answered no organization")
    return AuthContext(org, company, user, credential, tier, kind, role, scopes)
