"""Webhook delivery: what stands in the outbox is posted at least once, in no certain order, until taken."""

import asyncio
import hashlib
import hmac
import time
import uuid

import httpx

from providers.simulators.smartlead import clock
from providers.simulators.smartlead.publishing import options
from providers.simulators.smartlead.state import Row, Store

# Far shorter than the live service's minutes and hours: a test has to see the retry.
RETRY_AFTER = (0.5, 1.0, 2.0, 5.0, 10.0)
LAST_RETRY_AFTER = 15.0
ATTEMPTS = 40
AT_ONCE = 64
TIMEOUT = 10.0
IDLE = 0.03


class Courier:
    """Carries the outbox to the receivers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._carrying: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Deliver for ever."""
        # What was on its way when the process ended may have arrived or not: it is sent again.
        with self._store.transaction():
            self._store.run("update outbox set state = 'waiting' where state = 'sending'")
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        async with httpx.AsyncClient(timeout=TIMEOUT, limits=limits, trust_env=False) as client:
            while True:
                for row in self._claim(AT_ONCE - len(self._carrying)):
                    task = asyncio.create_task(self._carry(client, row))
                    self._carrying.add(task)
                    task.add_done_callback(self._carrying.discard)
                await asyncio.sleep(IDLE if len(self._carrying) < AT_ONCE else IDLE / 10)

    def _claim(self, room: int) -> list[Row]:
        due = self._store.all(
            "select * from outbox where state = 'waiting' and due_at <= ? order by due_at limit ?",
            time.time(),
            room,
        )
        if due:
            with self._store.transaction():
                self._store.many("update outbox set state = 'sending' where id = ?", [(row["id"],) for row in due])
        return due

    async def _carry(self, client: httpx.AsyncClient, row: Row) -> None:
        content = str(row["body"]).encode()
        status, error = None, None
        try:
            response = await client.post(row["url"], content=content, headers=self._headers(row, content))
            status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as failure:
            error = type(failure).__name__
        self._record(row, status, error)

    def _headers(self, row: Row, content: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "smartlead-simulator"}
        secret = options(self._store)["sign_secret"]
        if secret:
            digest = hmac.new(str(secret).encode(), content, hashlib.sha256).hexdigest()
            headers["X-Smartlead-Signature"] = f"sha256={digest}"
            headers["X-Request-Id"] = str(uuid.uuid4())
            headers["X-Webhook-Level"] = row["level"]
        return headers

    def _record(self, row: Row, status: int | None, error: str | None) -> None:
        attempt = row["attempt"] + 1
        line = {
            "at": clock.zulu(clock.utc_now()),
            "webhook_id": row["webhook_id"],
            "event_type": row["event_type"],
            "email": row["email"],
            "status": status,
            "error": error,
            "attempt": attempt,
        }
        with self._store.transaction():
            self._store.insert("deliveries", line)
            if status is not None and 200 <= status < 300:
                self._store.run("delete from outbox where id = ?", row["id"])
            else:
                self._put_back(row, attempt)

    def _put_back(self, row: Row, attempt: int) -> None:
        wait = RETRY_AFTER[attempt - 1] if attempt <= len(RETRY_AFTER) else LAST_RETRY_AFTER
        self._store.run(
            "update outbox set state = ?, attempt = ?, due_at = ? where id = ?",
            "waiting" if attempt < ATTEMPTS else "given_up",
            attempt,
            time.time() + wait,
            row["id"],
        )
