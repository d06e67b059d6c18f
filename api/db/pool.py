"""The one door to Postgres: a pool per tier, and transactions whose first statement opens a signed context."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.db.identity import AuthContext, Credential, from_result, from_row
from api.db.pipeline import Statement, flush
from api.db.queries import Query
from api.db.ticket import Tickets
from api.settings import Settings

Row = dict[str, Any]
Params = Mapping[str, Any]

_open_transactions: ContextVar[int] = ContextVar("open_transactions", default=0)


class TransactionOpenError(RuntimeError):
    """An outside call was about to be made while a transaction is open."""


def assert_no_transaction() -> None:
    """Raise TransactionOpenError inside a transaction: providers are never called while one is open."""
    if _open_transactions.get():
        raise TransactionOpenError("a provider may not be called while a transaction is open")


class Tx:
    """An open, scoped transaction. Statements are named queries with bound parameters, and nothing else."""

    def __init__(self, conn: AsyncConnection[DictRow], auth: AuthContext) -> None:
        self._conn = conn
        self.auth = auth
        self._woken: set[UUID] = set()

    def wake(self, company_id: UUID) -> None:
        """Have a company's lanes woken by this transaction's last statement, as the queue's locks demand."""
        self._woken.add(company_id)

    async def close(self) -> None:
        """Run what must come last."""
        for company_id in sorted(self._woken):
            await self._conn.execute(WAKE, {"company_id": company_id})

    async def one(self, query: Query, params: Params | None = None) -> Row | None:
        """Return the first row, or None."""
        cursor = await self._conn.execute(query.sql, params or {})
        return await cursor.fetchone()

    async def many(self, query: Query, params: Params | None = None) -> list[Row]:
        """Return every row."""
        cursor = await self._conn.execute(query.sql, params or {})
        return await cursor.fetchall()

    async def run(self, query: Query, params: Params | None = None) -> int:
        """Run a statement and return how many rows it touched."""
        cursor = await self._conn.execute(query.sql, params or {})
        return cursor.rowcount

    async def each(self, query: Query, many: Sequence[Params]) -> int:
        """Run a statement for each set of parameters, in one round trip, and return how many rows were touched.

        For changes by key: joined to a list, a table is read as a whole where Postgres takes a tenant for a small one.
        """
        if not many:
            return 0
        async with self._conn.cursor() as cursor:
            await cursor.executemany(query.sql, many)
            return cursor.rowcount

    async def body(self, query: Query, params: Params | None = None) -> bytes | None:
        """Return the JSON document that the statement built in its `body` column, as bytes, or None without a row."""
        row = await self.one(query, params)
        return None if row is None or row["body"] is None else str(row["body"]).encode()


Check = Callable[[AuthContext], None]

EXPIRED = "expired"  # the hint of `ctx.ticket_subject`
BEGIN_READ = b"begin transaction read only"
# Settings made for the session end with the transaction: the connection goes on to another caller.
END: list[Statement] = [(b"commit", {}), (b"reset all", {})]
END_AT_ONCE = b"commit; reset all"
OPEN = b"select org_id, company_id, user_id, credential_id, tier, kind, role, scopes from ctx.open(%(ticket)s)"
OPEN_PLATFORM = b"select org_id, credential_id from ctx.open_platform(%(ticket)s)"
NOTE_USED = b"select ctx.note_used(%(ticket)s)"
WAKE = b"select jobs.wake(%(company_id)s)"
CLOCK = b"select extract(epoch from clock_timestamp())::float8 as now"
OPEN_JOB = b"select ctx.open_job(%(ticket)s) as org_id"


def is_expired(error: BaseException) -> bool:
    """Tell whether the database refused a ticket of ours for its age alone: a fault of ours, and no caller's."""
    return isinstance(error, psycopg.Error) and error.diag.message_hint == EXPIRED


class Database:
    """The pools of one process. Each tier logs in with a role of its own, which is a member of nothing."""

    def __init__(self, settings: Settings, *, tiers: tuple[str, ...], tickets: Tickets | None = None) -> None:
        self.tickets = tickets or Tickets.from_settings(settings)
        self.used: dict[UUID, tuple[UUID, float]] = {}  # API tokens since the last note: their organization, and when
        self._pool_size = settings.pool_size
        urls = {
            "platform": settings.database_url_platform or settings.database_url_org,
            "org": settings.database_url_org,
            "company": settings.database_url_company,
            "worker": settings.database_url_worker,
            "hook": settings.database_url_public,
        }
        self._pools = {
            tier: AsyncConnectionPool[AsyncConnection[DictRow]](
                urls[tier].get_secret_value(),
                kwargs={
                    "row_factory": dict_row,
                    "autocommit": True,
                    "options": "-c timezone=UTC",
                    "application_name": f"outbound-{tier}",
                    "prepare_threshold": 2,
                    "connect_timeout": 5,
                },
                min_size=1,
                max_size=settings.pool_size,
                timeout=settings.pool_timeout_seconds,
                open=False,
                name=tier,
            )
            for tier in tiers
        }

    async def open(self) -> None:
        """Start the pools; connections are made in the background."""
        for pool in self._pools.values():
            await pool.open()

    async def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.close()

    async def read(self, credential: Credential, check: Check, query: Query, params: Params) -> bytes | None:
        """Return the first column of one statement's only row, as bytes, from a transaction of its own.

        Read-only, and all of it in one round trip; `check` sees the caller before anything is returned. Connections
        that died while they lay idle are passed over: nothing of a read can have happened on them. So is one that
        forgot its statements, once. Raises OperationalError when none is left to try.
        """
        ticket = self.tickets.sign(credential.kind, credential.subject)
        statements: list[Statement] = [(BEGIN_READ, {}), (OPEN, {"ticket": ticket}), (query.sql, params), *END]
        for _ in range(self._pool_size + 1):
            async with self._pools[credential.tier].connection() as conn:
                try:
                    _, opened, result, *_ = await flush(conn, statements)
                except psycopg.errors.InvalidSqlStatementName:
                    continue
                except psycopg.errors.InvalidAuthorizationSpecification as error:
                    await self._after(error)
                    raise
                except psycopg.OperationalError:
                    if not conn.closed:
                        raise
                else:
                    auth = from_result(conn, opened)
                    check(auth)
                    self._note_use(auth)
                    return result.get_value(0, 0) if result.ntuples else None
        raise psycopg.OperationalError("Postgres closed every connection that was tried")

    def _note_use(self, auth: AuthContext) -> None:
        if auth.auth_method == "token" and auth.credential_id is not None:
            self.used[auth.credential_id] = (auth.org_id, time.time())

    async def note_used(self) -> int:
        """Write down which tokens were used since the last time: one statement, however many requests there were."""
        used, self.used = self.used, {}
        if used:
            document = [{"id": str(key), "org_id": str(org), "at": at} for key, (org, at) in used.items()]
            async with self._transaction("hook") as conn:
                await conn.execute(NOTE_USED, {"ticket": self.tickets.sign_document("used", document)})
        return len(used)

    @asynccontextmanager
    async def _transaction(self, tier: str) -> AsyncGenerator[AsyncConnection[DictRow]]:
        pool = self._pools[tier]
        conn = await _begun(pool)
        depth = _open_transactions.get()
        _open_transactions.set(depth + 1)
        try:
            yield conn
            if conn.info.transaction_status == TransactionStatus.INERROR:
                # Postgres would answer this commit with a rollback and call it done.
                raise RuntimeError("a failed transaction was about to be committed")
            await conn.execute(END_AT_ONCE, prepare=False)
        except BaseException as error:
            with suppress(psycopg.Error):
                await conn.rollback()
            await self._after(error)
            raise
        finally:
            _open_transactions.set(depth)
            await pool.putconn(conn)

    @asynccontextmanager
    async def by_credential(self, credential: Credential) -> AsyncGenerator[Tx]:
        """Open a transaction for a token or a session. psycopg raises SQLSTATE 28000 when the database refuses it."""
        async with self._transaction(credential.tier) as conn:
            tx = Tx(conn, await _open(conn, self.tickets.sign(credential.kind, credential.subject)))
            self._note_use(tx.auth)
            yield tx
            await tx.close()

    @asynccontextmanager
    async def by_operator(self, subject: str, org_id: UUID | None = None) -> AsyncGenerator[Tx]:
        """Open the operator's transaction, inside one organization or none. `subject` is a platform token's HMAC."""
        async with self._transaction("platform") as conn:
            ticket = self.tickets.sign("platform", f"{subject}.{org_id or ''}")
            cursor = await conn.execute(OPEN_PLATFORM, {"ticket": ticket})
            row = await cursor.fetchone() or {}
            org = org_id or UUID(int=0)
            yield Tx(conn, AuthContext(org, None, None, row["credential_id"], "platform", "platform", "platform_admin"))

    @asynccontextmanager
    async def by_hook(self, subject: str) -> AsyncGenerator[Tx]:
        """Open a transaction for a webhook path, named by its HMAC; `auth.credential_id` is the connection. psycopg
        raises SQLSTATE 28000 when there is none."""
        async with self._transaction("hook") as conn:
            yield Tx(conn, await _open(conn, self.tickets.sign("hook", subject)))

    @asynccontextmanager
    async def by_job(self, org_id: UUID) -> AsyncGenerator[Tx]:
        """Open a worker's transaction inside one organization."""
        async with self._transaction("worker") as conn:
            await conn.execute(OPEN_JOB, {"ticket": self.tickets.sign("job", str(org_id))})
            tx = Tx(conn, AuthContext(org_id, None, None, None, "worker"))
            yield tx
            await tx.close()

    @asynccontextmanager
    async def unscoped(self, tier: str) -> AsyncGenerator[Tx]:
        """Open a transaction with no context: it sees no tenant row, and may only call the doors made for that."""
        async with self._transaction(tier) as conn:
            yield Tx(conn, AuthContext(UUID(int=0), None, None, None, tier))

    async def compare_clocks(self) -> float:
        """Return by how many seconds the database's clock is ahead of this machine's, and sign by it from now on.

        Raises psycopg's error, or PoolTimeout, where the database does not answer.
        """
        pool = next(iter(self._pools.values()))
        async with pool.connection() as conn:
            before = self.tickets.clock()
            row = await (await conn.execute(CLOCK)).fetchone() or {}
            self.tickets.ahead = row["now"] - (before + self.tickets.clock()) / 2
        return self.tickets.ahead

    async def _after(self, error: BaseException) -> None:
        """Compare the clocks where a ticket of ours was too old: the next one is good."""
        if is_expired(error):
            with suppress(psycopg.Error, PoolTimeout):
                await self.compare_clocks()

    async def ping(self, tier: str) -> None:
        """Raise what the pool raises when Postgres does not answer."""
        async with self._pools[tier].connection() as conn:
            await conn.execute(b"select 1")


async def _begun(pool: AsyncConnectionPool[AsyncConnection[DictRow]]) -> AsyncConnection[DictRow]:
    """Return a connection with a transaction begun. One that died while it lay idle is found out here and replaced."""
    while True:
        conn = await pool.getconn()
        try:
            await conn.execute(b"begin")
        except BaseException as error:
            fresh = not conn.broken
            await pool.putconn(conn)
            if fresh or not isinstance(error, psycopg.OperationalError):
                raise
        else:
            return conn


async def _open(conn: AsyncConnection[DictRow], ticket: str) -> AuthContext:
    cursor = await conn.execute(OPEN, {"ticket": ticket})
    row = await cursor.fetchone()
    if row is None:
        raise RuntimeError("ctx.open answered no row")
    return from_row(row)
