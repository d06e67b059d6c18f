"""One statement, tried and undone, and how it ended."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from api.ops.isolation.catalog import Connection
from api.ops.isolation.statements import Statement

UNDO = b"rollback to savepoint probe; release savepoint probe"


@dataclass(frozen=True)
class Outcome:
    """How a statement ended: its rows, or all that the server said of its refusal."""

    sqlstate: str | None = None
    message: str = ""
    detail: str = ""
    constraint: str = ""
    context: str = ""
    count: int = 0
    rows: tuple[tuple[Any, ...], ...] = ()

    @property
    def refused(self) -> bool:
        """Whether a right or a fence was missing."""
        return self.sqlstate == "42501"

    @property
    def fenced(self) -> bool:
        """Whether a policy refused a new row, as against a missing grant."""
        return self.refused and "row-level security" in self.message

    def diagnostics(self) -> tuple[str, ...]:
        """Return everything that the caller could compare."""
        return (self.sqlstate or "", self.message, self.detail, self.constraint, str(self.count))

    def text(self) -> str:
        """Return it in a few words."""
        if self.sqlstate:
            return f"{self.sqlstate} {self.message} {self.detail}".strip()
        return f"{self.count} rows"


def attempt(conn: Connection, statement: Statement, *, keep: bool = False) -> Outcome:
    """Try a statement in a savepoint that is undone, unless it is to be kept for the rest of the transaction.

    The savepoint goes straight to libpq: of many thousand tries, it would be most of the work.
    """
    outside = conn.info.transaction_status == TransactionStatus.IDLE
    conn.pgconn.exec_(b"begin; savepoint probe" if outside else b"savepoint probe")
    try:
        outcome = _copied(conn, statement) if statement.copies else _executed(conn, statement)
    except psycopg.Error as error:
        keep = False
        outcome = _refusal(error)
    conn.pgconn.exec_(b"release savepoint probe" if keep else UNDO)
    if outside:
        conn.pgconn.exec_(b"commit" if keep else b"rollback")
    return outcome


def _refusal(error: psycopg.Error) -> Outcome:
    diag = error.diag
    return Outcome(
        error.sqlstate or "no code", diag.message_primary or str(error), diag.message_detail or "",
        diag.constraint_name or "", diag.context or "",
    )  # fmt: skip


def _executed(conn: Connection, statement: Statement) -> Outcome:
    cursor = conn.execute(statement.text, statement.params)
    rows = tuple(cursor.fetchall()) if cursor.description else ()
    return Outcome(count=cursor.rowcount, rows=rows)


def _copied(conn: Connection, statement: Statement) -> Outcome:
    with conn.cursor() as cursor, cursor.copy(statement.text) as copy:
        rows = tuple(copy.rows())
    return Outcome(count=len(rows), rows=rows)
