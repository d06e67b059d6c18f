"""A whole transaction in one round trip: its prepared statements are sent in one flush, with one sync at the end.

Begin, open, query and commit one by one are four waits; sent together they are one, at a third of the CPU. Uses
psycopg.generators, which is not public: the version is pinned, and `Database` keeps the plain way beside it.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import AsyncConnection, generators
from psycopg._queries import PostgresQuery
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

Statement = tuple[bytes, Mapping[str, Any]]
Key = tuple[bytes, tuple[int, ...]]
Prepared = dict[Key, bytes]

_prepared: WeakKeyDictionary[PGconn, Prepared] = WeakKeyDictionary()
_numbers = count()


async def flush(conn: AsyncConnection[Any], statements: Sequence[Statement]) -> list[PGresult]:
    """Run the statements and return their results, in order. Raises psycopg's error for the first that failed.

    The connection is rolled back after an error, and closed when the answers were not read to their end.
    """
    pgconn = conn.pgconn
    known = _prepared.setdefault(pgconn, {})
    pgconn.enter_pipeline_mode()
    try:
        wanted, fresh = _send(conn, statements, known)
        results = await conn.wait(_answers(pgconn))
    except BaseException:
        await conn.close()
        raise
    pgconn.exit_pipeline_mode()
    for key, (name, index) in fresh.items():
        if results[index].status == ExecStatus.COMMAND_OK:  # not so behind a statement that failed
            known[key] = name
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            if pgconn.transaction_status != TransactionStatus.IDLE:
                await conn.rollback()
            if result.error_field(DiagnosticField.SQLSTATE) == b"26000":
                known.clear()  # psycopg deallocates everything after a rollback of its own
            raise psycopg.errors.error_from_result(result, conn.info.encoding)
    return [results[index] for index in wanted]


def _send(
    conn: AsyncConnection[Any], statements: Sequence[Statement], known: Prepared
) -> tuple[list[int], dict[Key, tuple[bytes, int]]]:
    """Queue everything, preparing what this connection has not seen.

    Return which results are the statements' own, and the name and result of each statement that was prepared.
    """
    pgconn = conn.pgconn
    wanted: list[int] = []
    fresh: dict[Key, tuple[bytes, int]] = {}
    sent = 0
    for sql, params in statements:
        query = PostgresQuery(Transformer(conn))
        query.convert(sql, params or None)
        key = (query.query, query.types)
        name = known.get(key)
        if name is None:
            name = f"obx_{next(_numbers)}".encode()
            fresh[key] = (name, sent)
            pgconn.send_prepare(name, query.query, query.types)
            sent += 1
        pgconn.send_query_prepared(name, query.params, query.formats)
        wanted.append(sent)
        sent += 1
    pgconn.pipeline_sync()
    return wanted, fresh


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
