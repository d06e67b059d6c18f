"""The one door to Postgres: a pool per tier, and transactions whose first statement opens a signed context."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.db import statements
from api.db.identity import AuthContext, Credential, from_result, from_row
from api.db.open_transactions import OPEN_TRANSACTIONS
from api.db.pipeline import Statement, flush
from api.db.queries import Query
from api.db.ticket import Tickets
from api.settings import Settings

Row = dict[str, Any]
T = TypeVar("T")
Params = Mapping[str, Any]


class Tx:
    """An open, scoped transaction. Statements are named queries with bound parameters, and nothing else."""

    def __init__(self, conn: AsyncConnection[DictRow], auth: AuthContext) -> None:
        self._conn = conn
        self.auth = auth
        self._woken: dict[UUID, bool] = {}

    def wake(self, company_id: UUID, *, urgent: bool = False) -> None:
        """Have a company's lanes woken by this transaction's last statement, as the queue's locks demand. What is
        urgent, pausing and stopping and answers, goes before what is not."""
        self._woken[company_id] = urgent or self._woken.get(company_id, False)

    async def close(self) -> None:
        """Run what must come last."""
        for company_id in sorted(self._woken):
            await self._conn.execute(statements.WAKE, {"company_id": company_id, "urgent": self._woken[company_id]})

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
        """Run a statement for each set of parameters, in one round trip, and return how many rows were touched. For
        changes by key: joined to a list, a table is read as a whole where Postgres takes a tenant for a small one."""
        async with self._conn.cursor() as cursor:
            await cursor.executemany(query.sql, many)
            return cursor.rowcount

    async def body(self, query: Query, params: Params | None = None) -> bytes | None:
        """Return the JSON document that the statement built in its `body` column, as bytes, or None without a row."""
        row = await self.one(query, params)
        return None if row is None or row["body"] is None else str(row["body"]).encode()


Check = Callable[[AuthContext], None]

EXPIRED = "expired"  # the hint of `ctx.ticket_subject`


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
        """Return the first column of one statement's only row, as bytes, from a read-only transaction of its own, all
        of it in one round trip. `check` sees the caller before anything is returned."""

        def use(conn: AsyncConnection[DictRow], results: list[PGresult]) -> bytes | None:
            auth = from_result(conn, results[1])
            check(auth)
            self._note_use(auth)
            return results[2].get_value(0, 0) if results[2].ntuples else None

        ticket = self.tickets.sign(credential.kind, credential.subject)
        opening: list[Statement] = [(statements.BEGIN_READ, {}), (statements.OPEN, {"ticket": ticket})]
        return await self._at_once(credential.tier, [*opening, (query.sql, params), *statements.END], use)

    async def store(self, hook: str, query: Query, params: Params) -> None:
        """Run one statement for a webhook path, named by its HMAC, all of it in one round trip. It may be run twice, so
        it must be one that changes nothing again. psycopg raises SQLSTATE 28000 when there is no such path."""
        opening: list[Statement] = [(b"begin", {}), (statements.OPEN, {"ticket": self.tickets.sign("hook", hook)})]
        await self._at_once("hook", [*opening, (query.sql, params), *statements.END], _stored)

    async def _at_once(
        self, tier: str, whole: Sequence[Statement], use: Callable[[AsyncConnection[DictRow], list[PGresult]], T]
    ) -> T:
        """Send a transaction and use its results. Connections that died while they lay idle are passed over, and one
        that forgot its statements, once. Raises OperationalError when none is left to try."""
        for _ in range(self._pool_size + 1):
            async with self._pools[tier].connection() as conn:
                try:
                    results = await flush(conn, whole)
                except psycopg.errors.InvalidSqlStatementName:
                    continue
                except psycopg.errors.InvalidAuthorizationSpecification as error:
                    await self._after(error)
                    raise
                except psycopg.OperationalError:
                    if not conn.closed:
                        raise
                else:
                    return use(conn, results)
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
                await conn.execute(statements.NOTE_USED, {"ticket": self.tickets.sign_document("used", document)})
        return len(used)

    async def take_requests(self, document: object) -> Any:
        """Take from the buckets that a document names, for all processes together. Return what each gave, by its name.
        Raises psycopg's error, or PoolTimeout, where the database does not answer."""
        async with self._transaction("hook") as conn:
            ticket = self.tickets.sign_document("requests", document)
            row = await (await conn.execute(statements.TAKE_REQUESTS, {"ticket": ticket})).fetchone() or {}
        return row["granted"]

    @asynccontextmanager
    async def _transaction(self, tier: str) -> AsyncGenerator[AsyncConnection[DictRow]]:
        pool = self._pools[tier]
        conn = await _begun(pool)
        depth = OPEN_TRANSACTIONS.get()
        OPEN_TRANSACTIONS.set(depth + 1)
        try:
            yield conn
            if conn.info.transaction_status == TransactionStatus.INERROR:
                # Postgres would answer this commit with a rollback and call it done.
                raise RuntimeError("a failed transaction was about to be committed")
            await conn.execute(statements.END_AT_ONCE, prepare=False)
        except BaseException as error:
            with suppress(psycopg.Error):
                await conn.rollback()
            await self._after(error)
            raise
        finally:
            OPEN_TRANSACTIONS.set(depth)
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
            cursor = await conn.execute(statements.OPEN_PLATFORM, {"ticket": ticket})
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
            await conn.execute(statements.OPEN_JOB, {"ticket": self.tickets.sign("job", str(org_id))})
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
            row = await (await conn.execute(statements.CLOCK)).fetchone() or {}
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


def _stored(_: AsyncConnection[DictRow], __: list[PGresult]) -> None: ...


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
    cursor = await conn.execute(statements.OPEN, {"ticket": ticket})
    row = await cursor.fetchone()
    if row is None:
        raise RuntimeError("ctx.open answered no row")
    return from_row(row)
