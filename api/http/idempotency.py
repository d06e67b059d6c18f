"""What every write shares: an `Idempotency-Key` makes it happen once and be answered alike, and it goes on record."""

import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any, NoReturn
from uuid import UUID

import psycopg
from fastapi import Depends, Header, Request, Response

from api.access.caller import Access, Scoped
from api.access.vault import SealedField, Vault
from api.db.pool import Database, Row, Tx
from api.db.queries import beside
from api.errors import Conflict, Unprocessable
from api.telemetry.logs import request_id_var

SQL = beside(__file__, "idempotency.sql")
LONGEST_PATH = 500
KEPT_HEADERS = ("etag", "location")


class ReplayedError(Exception):
    """This write was done before; `response` is how it was answered."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered before")
        self.response = response


class Write:
    """One request that changes something."""

    def __init__(self, request: Request, key: str | None) -> None:
        self._request = request
        self._key = key
        self._row_id: UUID | None = None
        self._vault: Vault = request.app.state.vault

    @asynccontextmanager
    async def transaction(self, *, last: bool) -> AsyncGenerator[Tx]:
        """Open one of several transactions. The last one takes the key, and must `finish` with the answer.

        Raises ReplayedError when the write was answered before.
        """
        async with self.before() as tx:
            answered = await (self.take_key(tx) if last else self._answered(tx))
            if answered is not None:
                raise ReplayedError(answered)
            yield tx

    @asynccontextmanager
    async def before(self) -> AsyncGenerator[Tx]:
        """Open a transaction that does not look at the key, since the body that it stands for is not read yet."""
        granted: Access = self._request.scope["access"]
        db: Database = self._request.app.state.database
        async with db.by_credential(granted.credential) as tx:
            granted.check(tx.auth)
            yield tx

    async def is_repeated(self, tx: Tx) -> bool:
        """Tell whether there is an answer under the request's key, before its body is known: this very request's, or
        another's."""
        if self._key is None:
            return False
        return await tx.one(SQL.answered, self._key_params(tx)) is not None

    async def take_key(self, tx: Tx) -> Response | None:
        """Take the request's key for this transaction; return the kept answer when the same write was done before.

        409 while it is still going on elsewhere, 422 when the key came with another request.
        """
        if self._key is None:
            return None
        params = await self._params(tx)
        await tx.run(SQL.wait_briefly)
        try:
            taken = await tx.one(SQL.take_key, params)
        except psycopg.errors.LockNotAvailable:
            _in_progress()
        await tx.run(SQL.wait_no_longer)
        if taken is not None:
            self._row_id = taken["id"]
            return None
        return await self._answered(tx, params) or _in_progress()

    async def _params(self, tx: Tx) -> dict[str, Any]:
        return {**self._key_params(tx), "sha256": await self._fingerprint()}

    def _key_params(self, tx: Tx) -> dict[str, Any]:
        return {
            "credential_id": tx.auth.credential_id,
            "method": self._request.method,
            "path": _short(self._request.url.path),
            "key": self._key,
        }

    async def _answered(self, tx: Tx, params: dict[str, Any] | None = None) -> Response | None:
        """Return the answer kept under the request's key, or None; 422 when it was another request's."""
        if self._key is None:
            return None
        params = params or await self._params(tx)
        kept = await tx.one(SQL.answered, params)
        if kept is None:
            return None
        if bytes(kept["request_sha256"]) != params["sha256"]:
            raise Unprocessable(
                "This Idempotency-Key was used for another request; take a new one.", code="idempotency_key_reused"
            )
        return self._answer(tx, kept)

    async def finish(self, tx: Tx, response: Response) -> Response:
        """Note who did it, and keep the answer under the request's key. Both go with the transaction."""
        if response.status_code >= 400:
            return response
        route = self._request.scope["route"]
        target: dict[str, Any] = {name: str(value) for name, value in self._request.path_params.items()}
        if (made := _made(bytes(response.body))) is not None:
            target.setdefault("id", made)
        params = {
            "action": route.name,
            "target": json.dumps(target),
            "request_id": request_id_var.get(),
            "credential_id": tx.auth.credential_id,
        }
        await tx.run(SQL.note_write, params)
        if self._row_id is not None:
            sealed = self._vault.seal(_packed(response), self._place(tx, self._row_id))
            await tx.run(SQL.keep, {"id": self._row_id, "status_code": response.status_code, "answer": sealed})
        return response

    def _answer(self, tx: Tx, kept: Row) -> Response:
        headers, body = _unpacked(self._vault.unseal(bytes(kept["answer"]), self._place(tx, kept["id"])))
        headers["Idempotency-Replayed"] = "true"
        media_type = "application/json" if body else None
        return Response(body, status_code=kept["status_code"], headers=headers, media_type=media_type)

    async def _fingerprint(self) -> bytes:
        """Return the hash of the request, so that one key cannot stand for two."""
        streamed: bytes | None = getattr(self._request.state, "body_sha256", None)
        if streamed is not None:
            return hashlib.sha256(self._about() + streamed).digest()
        body = getattr(self._request.state, "body", None)
        if body is None:
            body = await self._request.body()
        return hashlib.sha256(self._about() + body).digest()

    def _about(self) -> bytes:
        return f"{self._request.url.query}\n{self._request.headers.get('content-type', '')}\n".encode()

    @staticmethod
    def _place(tx: Tx, row_id: UUID) -> SealedField:
        return SealedField(tx.auth.org_id, "idempotency_keys", "answer", row_id)


def _short(path: str) -> str:
    """Return a path as it is kept; of one that is too long, which names nothing of ours, its hash."""
    return path if len(path) <= LONGEST_PATH else hashlib.sha256(path.encode()).hexdigest()


def _in_progress() -> NoReturn:
    raise Conflict(
        "A request with this Idempotency-Key is still going on.", code="idempotency_in_progress", retry_after=1
    ) from None


def _made(body: bytes) -> str | None:
    """Return the id of what was made or changed, from the answer."""
    try:
        return str(json.loads(body)["id"])
    except (ValueError, KeyError, TypeError):
        return None


def _packed(response: Response) -> bytes:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return json.dumps(headers).encode() + b"\n" + bytes(response.body)


def _unpacked(packed: bytes) -> tuple[dict[str, str], bytes]:
    headers, _, body = packed.partition(b"\n")
    return json.loads(headers), body


async def _write(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$",
            description="Makes a write safe to repeat for 24 hours: it is done once, and answered alike each time.",
        ),
    ] = None,
) -> Write:  # fmt: skip
    return Write(request, key)


Writes = Annotated[Write, Depends(_write)]
Writing = Scoped  # the guard of the route takes and keeps the request's key in this very transaction
