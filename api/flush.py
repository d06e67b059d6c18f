"""A whole transaction in one round trip: its prepared statements are sent in one flush, with one sync at the end.

Begin, open, query and commit one by one are four waits; sent together they are one, at a third of the CPU. Uses
psycopg.generators, which is not public: the version is pinned, and `Database` keeps the plain way beside it.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import AsyncConnection, generators
from psycopg._queries import PostgresQuery
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

Statement = tuple[bytes, Mapping[str, Any]]
Prepared = dict[tuple[bytes, tuple[int, ...]], bytes]

_prepared: WeakKeyDictionary[PGconn, Prepared] = WeakKeyDictionary()


async def flush(conn: AsyncConnection[Any], statements: Sequence[Statement]) -> list[PGresult]:
    """Run the statements and return their results, in order. Raises psycopg's error for the first that failed.

    The connection is rolled back after an error, and closed when the answers were not read to their end.
    """
    pgconn = conn.pgconn
    pgconn.enter_pipeline_mode()
    try:
        wanted = _send(conn, statements)
        results = await conn.wait(_answers(pgconn))
    except BaseException:
        await conn.close()
        raise
    pgconn.exit_pipeline_mode()
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            if pgconn.transaction_status != TransactionStatus.IDLE:
                await conn.rollback()
            raise psycopg.errors.error_from_result(result, conn.info.encoding)
    return [results[index] for index in wanted]


def _send(conn: AsyncConnection[Any], statements: Sequence[Statement]) -> list[int]:
    """Queue everything, preparing what this connection has not seen; return which results are the statements' own."""
    pgconn = conn.pgconn
    known = _prepared.setdefault(pgconn, {})
    wanted: list[int] = []
    sent = 0
    for sql, params in statements:
        query = PostgresQuery(Transformer(conn))
        query.convert(sql, params or None)
        key = (query.query, query.types)
        name = known.get(key)
        if name is None:
            name = known[key] = f"obx_{len(known)}".encode()
            pgconn.send_prepare(name, query.query, query.types)
            sent += 1
        pgconn.send_query_prepared(name, query.params, query.formats)
        wanted.append(sent)
        sent += 1
    pgconn.pipeline_sync()
    return wanted


def _answers(pgconn: PGconn) -> PQGen[list[PGresult]]:
    """Flush what is queued, then read one result per statement until the sync comes back."""
    while pgconn.flush():
        ready = yield Wait.RW
        if ready & Ready.R:
            pgconn.consume_input()
    results: list[PGresult] = []
    while True:
        result = yield from generators.fetch(pgconn)
        if result is None:
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)
