"""How `outbound doctor` looks at a database: in read-only transactions, and without a word that may be secret."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row
from pydantic import SecretStr

from api.db.queries import Query
from api.ops.standing import Connection

SECONDS = 5
OWNER = "outbound_owner"
MIGRATE = "run `outbound migrate`"
Row = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """One line: what is wrong and what to do. A warning is no fault of the deployment's."""

    text: str
    warning: bool = False


def connected(url: SecretStr) -> Connection:
    """Return a connection whose transactions are read-only."""
    conn = psycopg.connect(
        url.get_secret_value(), autocommit=True, connect_timeout=SECONDS, application_name="outbound-doctor"
    )
    conn.read_only = True
    return conn


@contextmanager
def looking(conn: Connection, role: str | None = None) -> Generator[None]:
    """Open a read-only transaction, as the owner where `role` names it."""
    with conn.transaction():
        if role is not None:
            conn.execute("select set_config('role', %s, true)", [role])
        conn.execute("set local search_path = pg_catalog, pg_temp")
        conn.execute("set local statement_timeout = '60s'")
        yield


def ask(conn: Connection, query: Query, params: Row | None = None) -> list[Row]:
    """Return the rows of a query."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.sql, params or {}).fetchall()


def reason(error: psycopg.Error) -> str:
    """Return what the server says. The client's own words may contain part of an address, and so of a password."""
    said = error.diag.message_primary or str(error).partition("FATAL:")[2].partition("\n")[0].strip()
    return said or "no Postgres answers there"
