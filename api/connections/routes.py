"""`/partner/v1/connections`: a company's account at a provider.

Creating one and rotating its key are the only requests during which a provider is called: first the checks, then,
with no transaction open, the question whether the key works, then the record. Nothing is stored unless the provider
said yes.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from api.access.caller import CompanyFilter, Reads, vault
from api.access.vault import SealedField, Vault
from api.connections import jobs
from api.connections.schemas import (
    ApiKeyCredential,
    Budget,
    Connection,
    ConnectionCreate,
    ConnectionList,
    ConnectionRotate,
    ConnectionUpdate,
)
from api.db.ids import new_id
from api.db.pool import Row, Tx
from api.db.queries import beside
from api.errors import Conflict, Unavailable, Unprocessable, unknown_reference
from api.http.idempotency import Writes, Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import IfMatch, check_match, json_response, or_404
from api.http.routes import Guarded
from providers.errors import CredentialRefused, ProviderError
from providers.registry import PROVIDERS

SQL = beside(__file__)
router = APIRouter(prefix="/partner/v1/connections", route_class=Guarded, tags=["connections"])
Keys = Annotated[Vault, Depends(vault)]


@router.post("", status_code=201, response_model=Connection, responses=problems(409))
async def create_connection(body: ConnectionCreate, request: Request, write: Writes, keys: Keys) -> Response:
    """Connect a company. The key is checked with the provider first, for ten seconds at most."""
    async with write.transaction(last=False) as tx:
        entitled = await _entitlement_to_connect(tx, body)
    verified = await _verify(request, body.provider, body.credential, entitled["environment"])
    async with write.transaction(last=True) as tx:
        capability = (await _entitlement_to_connect(tx, body))["capability"]
        target = {"company_id": body.company_id, "provider": body.provider, "capability": capability}
        connection_id, account_id = await _store(tx, target, body.credential, keys)
        await _take_senders(tx, body.company_id, account_id, verified)
        answer = json_response(await tx.body(SQL.get_connection, {"id": connection_id}), status=201)
        return await write.finish(tx, answer)


@router.post("/{connection_id}/rotate", response_model=Connection, responses=problems(404, 409))
async def rotate_connection(
    connection_id: UUID, body: ConnectionRotate, request: Request, write: Writes, keys: Keys
) -> Response:
    """Give a connection another key of the same provider, without a pause. It is checked with the provider first."""
    async with write.transaction(last=False) as tx:
        connection = await _connection_to_rotate(tx, connection_id)
    verified = await _verify(request, connection["provider"], body.credential, connection["environment"])
    async with write.transaction(last=True) as tx:
        connection = await _connection_to_rotate(tx, connection_id)
        _, account_id = await _store(tx, connection, body.credential, keys)
        await _take_senders(tx, connection["company_id"], account_id, verified)
        return await write.finish(tx, json_response(await tx.body(SQL.get_connection, connection)))


@router.post("/{connection_id}/disconnect", status_code=202, response_model=Connection, responses=problems(404))
async def disconnect_connection(connection_id: UUID, tx: Writing) -> Response:
    """Disconnect a company. Its campaigns are paused first; then the key is destroyed.

    Connecting again goes on where it stopped: the campaigns that this paused run on, at the account's usual pace.
    """
    connection = await _locked(tx, connection_id)
    if connection["status"] != "disconnected":
        await tx.run(SQL.disconnect, connection)
        tx.wake(connection["company_id"])
    return json_response(await tx.body(SQL.get_connection, connection), status=202)


@router.get("", response_model=ConnectionList, responses=problems())
async def list_connections(reads: Reads, page: PageDep, company_id: CompanyFilter = None) -> Response:
    """List connections, newest first."""
    return json_response(await reads.body(SQL.list_connections, {"company_id": company_id, **page.by_id()}))


@router.get("/{connection_id}", response_model=Connection, responses=problems(404))
async def get_connection(connection_id: UUID, reads: Reads) -> Response:
    """Return one connection, without its key."""
    return json_response(or_404(await reads.body(SQL.get_connection, {"id": connection_id})))


@router.patch("/{connection_id}", response_model=Connection, responses=problems(404, 412))
async def update_connection(
    connection_id: UUID, body: ConnectionUpdate, tx: Writing, if_match: IfMatch = None
) -> Response:
    """Change a company's part of a shared account: with a weight of 3 it gets three turns for another's one."""
    connection = or_404(await tx.one(SQL.lock_connection, {"id": connection_id}))
    check_match(if_match, or_404(await tx.one(SQL.get_connection, connection))["body"])
    await tx.run(SQL.set_weight, {**connection, "weight": body.weight})
    return json_response(await tx.body(SQL.get_connection, connection))


@router.get("/{connection_id}/budget", response_model=Budget, responses=problems(404))
async def get_budget(connection_id: UUID, request: Request, reads: Reads) -> Response:
    """Return how much of the account's request budget is used. Connections with one key share it."""
    params = {"id": connection_id, "limits": request.app.state.budgets}
    return json_response(or_404(await reads.body(SQL.get_budget, params)))


async def _entitlement_to_connect(tx: Tx, body: ConnectionCreate) -> Row:
    """Return the entitlement that this connection would fulfil, or say why it cannot be made."""
    target = {"company_id": body.company_id, "provider": body.provider}
    company = await tx.one(SQL.lock_tenants, target)
    if company is None:
        raise unknown_reference("company_id")
    if company["status"] == "deleting":
        raise Conflict("The company is being deleted.", code="company_deleting")
    if await tx.one(SQL.provider_exists, target) is None:
        raise unknown_reference("provider")
    entitlement = await tx.one(SQL.get_entitlement_for_connection, target)
    if entitlement is None:
        raise Conflict("The company is not entitled to what this provider does.", code="not_entitled")
    if entitlement["provider"] != body.provider:
        raise Conflict("The company's entitlement names another provider.", code="provider_mismatch")
    if body.provider not in PROVIDERS:
        raise Unprocessable(
            "This provider cannot be connected yet.",
            code="provider_not_available",
            errors=[{"pointer": "/provider", "code": "provider_not_available"}],
        )
    live = await tx.one(SQL.connection_of_capability, {**target, "capability": entitlement["capability"]})
    if live is not None and live["status"] == "connected":
        raise Conflict("The company is connected already.", code="already_connected")
    return entitlement


def _url(request: Request, provider: str, environment: str) -> str:
    """Return where the provider is asked: a sandbox's connections know simulators only."""
    url: str | None = request.app.state.provider_urls[environment][provider]
    if url is None:
        raise Unprocessable(
            "There is no simulator of this provider for sandboxes.",
            code="sandbox_not_available",
            errors=[{"pointer": "/provider", "code": "sandbox_not_available"}],
        )
    return url


async def _locked(tx: Tx, connection_id: UUID) -> Row:
    """Lock a connection, after the tenants above it and its entitlement: in the order of everybody who changes them."""
    await _lock_above(tx, connection_id)
    return or_404(await tx.one(SQL.lock_connection, {"id": connection_id}))


async def _lock_above(tx: Tx, connection_id: UUID) -> None:
    tenant = or_404(await tx.one(SQL.tenant_of_connection, {"id": connection_id}))
    await tx.one(SQL.lock_tenants, tenant)
    await tx.run(SQL.lock_entitlement, tenant)


async def _connection_to_rotate(tx: Tx, connection_id: UUID) -> Row:
    await _lock_above(tx, connection_id)
    connection = or_404(await tx.one(SQL.connection_to_rotate, {"id": connection_id}))
    if connection["status"] == "disconnected":
        raise Conflict("The connection is closed; connect the company again.", code="not_connected")
    return connection


async def _take_senders(tx: Tx, company_id: UUID, account_id: UUID, verified: jobs.Verified) -> None:
    """Keep the senders that were read on the way, and have the lane go on."""
    if verified.senders is not None:
        await jobs.store_senders(tx, account_id, verified.senders)
    tx.wake(company_id)


async def _verify(request: Request, provider: str, credential: ApiKeyCredential, environment: str) -> jobs.Verified:
    url, clients = _url(request, provider, environment), request.app.state.provider_clients
    try:
        return await jobs.verify(provider, credential.api_key.get_secret_value(), base_url=url, clients=clients)
    except CredentialRefused:
        raise Unprocessable(
            "The provider does not accept this key.",
            code="credential_refused",
            errors=[{"pointer": "/credential/api_key", "code": "credential_refused"}],
        ) from None
    except (ProviderError, TimeoutError) as error:
        wait = getattr(error, "retry_after", None) or 5
        raise Unavailable(
            "The provider does not answer; nothing was stored.",
            code="provider_unavailable",
            retry_after=int(wait),
        ) from None


async def _store(tx: Tx, target: Row, credential: ApiKeyCredential, keys: Vault) -> tuple[UUID, UUID]:
    """Write the connection, new or mended, and return its id and its account's."""
    api_key = credential.api_key.get_secret_value()
    fingerprint = keys.token_hmac(f"{target['provider']}:{api_key}", purpose="credential")
    account = or_404(await tx.one(SQL.put_account, {**target, "credential_hmac": fingerprint}))
    await jobs.lock_account(tx, account["id"])
    live = await tx.one(SQL.connection_of_capability, target)
    connection_id: UUID = live["id"] if live else new_id()
    place = SealedField(tx.auth.org_id, "connections", "credential", connection_id)
    row: dict[str, Any] = {
        **target,
        "id": connection_id,
        "account_id": account["id"],
        "credential": keys.seal(api_key.encode(), place),
    }
    if live:
        await tx.run(SQL.follow_account, {"account_id": account["id"], "before": live["account_id"]})
        await tx.run(SQL.reconnect, row)
    else:
        path_token = keys.new_path_token()
        place = SealedField(tx.auth.org_id, "connections", "hook_token", connection_id)
        row["hook_token"] = keys.seal(path_token.encode(), place)
        row["hook_hmac"] = keys.token_hmac(path_token, purpose="hook")
        await tx.run(SQL.create_connection, row)
    await tx.run(SQL.look_at_block_list, row)
    await tx.run(SQL.mark_entitlement, {**target, "status": "connected"})
    return connection_id, account["id"]
