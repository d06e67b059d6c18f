"""`outbound org`, `token`, `stop` and `keys`: what an operator does from a shell, without a token of their own.

They need the platform's database address and the keys, as the processes have them; what they do is in the audit log.
"""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from uuid import UUID

import psycopg
import typer
from psycopg_pool import PoolTimeout
from pydantic import ValidationError

from api import keys as key_rotation
from api.crypto import Vault, generate_key, last_four, new_token, parse_keys
from api.db import Database
from api.errors import Problem, problem_from_database
from api.organizations.operating import operating
from api.organizations.tenants import SQL, Operator
from api.settings import MigrateSettings, Settings, get_settings

T = TypeVar("T")
org_app = typer.Typer(no_args_is_help=True, help="Organizations: the partners.")
token_app = typer.Typer(no_args_is_help=True, help="Tokens for operators and for organizations.")
keys_app = typer.Typer(no_args_is_help=True, help="Keys: which there are, and new ones without downtime.")
CONTEXT_GRACE_SECONDS = 60.0
IN_USE = ("ticket", "in use")


class KeyKind(StrEnum):
    """What a key is for."""

    CONTEXT = "context"
    TICKET = "ticket"
    SESSION = "session"
    CREDENTIAL = "credential"


def _settings() -> Settings:
    try:
        return get_settings()
    except ValidationError as error:
        names = ", ".join(f"OUTBOUND_{'_'.join(map(str, item['loc'])).upper()}" for item in error.errors())
        raise _stop(f"These settings are missing or wrong: {names}. See .env.example.") from None


def _stop(message: str) -> typer.Exit:
    typer.echo(f"error: {message}", err=True)
    return typer.Exit(1)


def _run(work: Callable[[Operator], Awaitable[T]]) -> T:
    settings = _settings()
    if settings.database_url_platform is None:
        raise _stop("OUTBOUND_DATABASE_URL_PLATFORM is not set.")

    async def run() -> T:
        async with operating(settings) as operator:
            return await work(operator)

    try:
        return asyncio.run(run())
    except Problem as problem:
        raise _stop(problem.detail) from None
    except (psycopg.Error, PoolTimeout) as error:
        raise _stop(problem_from_database(error).detail) from None


def _show(document: Any) -> None:
    typer.echo(json.dumps(document, indent=2, default=str))


@org_app.command("create")
def create_org(
    name: str,
    slug: Annotated[str, typer.Option(help="What its people log in under.")],
    sandbox: Annotated[bool, typer.Option(help="Its connections talk to simulated providers, for good.")] = False,
) -> None:
    """Make an organization and print it with its first token, which is not shown again."""
    _show(_run(lambda operator: operator.create(name, slug, {}, sandbox=sandbox)))


@org_app.command("list")
def list_orgs() -> None:
    """Print every organization, newest first."""

    async def work(operator: Operator) -> list[Any]:
        return [json.loads(await operator.get(org_id)) for org_id in await operator.list_ids(None, 100_000)]

    for organization in _run(work):
        typer.echo(
            f"{organization['id']}  {organization['status']:<10} {organization['slug']:<24} {organization['name']}"
        )


@org_app.command("suspend")
def suspend_org(org_id: UUID) -> None:
    """Pause every campaign of an organization and refuse its credentials from the next request on."""
    _show(json.loads(_run(lambda operator: operator.change(org_id, {"status": "suspended"}))))


@org_app.command("activate")
def activate_org(org_id: UUID) -> None:
    """Open a suspended organization again. Its campaigns stay paused."""
    _show(json.loads(_run(lambda operator: operator.change(org_id, {"status": "active"}))))


@org_app.command("delete")
def delete_org(org_id: UUID, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete an organization and all that is its own, once what it sends has been stopped."""
    if not yes:
        typer.confirm(f"Delete organization {org_id} and everything in it?", abort=True)
    _show(json.loads(_run(lambda operator: operator.delete(org_id))))


@token_app.command("create")
def create_token(
    *,
    platform: Annotated[bool, typer.Option("--platform", help="A token for /platform/v1.")] = False,
    org: Annotated[UUID | None, typer.Option(help="A token that speaks for this organization.")] = None,
    name: str = "command line",
    days: Annotated[int | None, typer.Option(help="How long a platform token lives.", min=1)] = None,
) -> None:
    """Make a token and print it. It is not shown again."""
    if platform == (org is not None):
        raise _stop("Say either --platform or --org ID.")
    if org is not None:
        _show(_run(lambda operator: operator.new_org_token(org, name)))
        return

    async def work(operator: Operator) -> dict[str, Any]:
        token = new_token("platform")
        params = {
            "name": name,
            "hmac": operator.db.vault.token_hmac(token),
            "last_four": last_four(token),
            "expires_at": datetime.now(UTC) + timedelta(days=days) if days else None,
        }
        async with operator.db.by_operator(operator.subject) as tx:
            row = await tx.one(SQL.create_platform_token, params) or {}
        return {"id": row["id"], "name": name, "token": token}

    _show(_run(work))


@token_app.command("list")
def list_tokens() -> None:
    """Print the platform's tokens, without their secrets."""

    async def work(operator: Operator) -> list[Any]:
        async with operator.db.by_operator(operator.subject) as tx:
            return await tx.many(SQL.list_platform_tokens)

    _show(_run(work))


@token_app.command("revoke")
def revoke_token(token_id: UUID) -> None:
    """Revoke a platform token. The next request that carries it is refused."""

    async def work(operator: Operator) -> object:
        async with operator.db.by_operator(operator.subject) as tx:
            return await tx.one(SQL.revoke_platform_token, {"id": token_id})

    if _run(work) is None:
        raise _stop("There is no such platform token.")
    typer.echo("revoked")


def stop(
    *,
    org: Annotated[UUID | None, typer.Option(help="Everything of this organization.")] = None,
    company: Annotated[UUID | None, typer.Option(help="Everything of this company.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything of everybody.")] = False,
) -> None:
    """The operator's brake: pause running campaigns. Nothing starts again by itself."""
    if sum((org is not None, company is not None, everything)) != 1:
        raise _stop("Say one of --org ID, --company ID and --all.")

    async def work(operator: Operator) -> int:
        targets = [org] if org is not None else await operator.list_ids(None, 1_000_000)
        paused = 0
        for number, target in enumerate(targets, start=1):
            paused += await operator.stop(target, company)
            if number % 100 == 0:
                typer.echo(f"{number} of {len(targets)} organizations, {paused} campaigns", err=True)
        return paused

    typer.echo(f"paused {_run(work)} campaigns; the providers are being told")


@keys_app.command("status")
def key_status() -> None:
    """Print which keys the database holds, and which kids the settings name."""
    for kind, kid, made, state in key_rotation.key_states(_migrator_url()):
        typer.echo(f"{kind:<10} {kid:<12} {made}  {state}")
    settings = _settings()
    lists = {"ticket": settings.ticket_keys, "session": settings.signing_keys, "credential": settings.encryption_keys}
    for kind, value in lists.items():
        typer.echo(f"settings   {kind:<12} {', '.join(parse_keys(value.get_secret_value()))}")


@keys_app.command("rotate")
def rotate_keys(
    kind: KeyKind,
    *,
    grace: Annotated[
        float, typer.Option(help="Seconds in which an old context key still holds.")
    ] = CONTEXT_GRACE_SECONDS,
) -> None:
    """Bring in a new key of a kind, and say what is left to do."""
    if kind is KeyKind.CONTEXT:
        _rotate_context(grace)
    elif kind is KeyKind.TICKET:
        _rotate_ticket()
    elif kind is KeyKind.SESSION:
        _rotate_session()
    else:
        _rotate_credential()


@keys_app.command("retire")
def retire_ticket_keys() -> None:
    """Have the database refuse ticket keys that OUTBOUND_TICKET_KEYS no longer names."""
    kept = list(parse_keys(_settings().ticket_keys.get_secret_value()))
    newest = [kid for kind, kid, _, state in key_rotation.key_states(_migrator_url()) if (kind, state) == IN_USE][-1]
    if newest not in kept:
        raise _stop(f"The database's newest ticket key is {newest}: deploy it with OUTBOUND_TICKET_KEYS first.")
    ended = key_rotation.retire_keys(_migrator_url(), "ticket", kept)
    typer.echo(f"retired: {', '.join(ended) or 'none'}")


def _migrator_url() -> str:
    try:
        return MigrateSettings().database_url.get_secret_value()  # pyright: ignore[reportCallIssue]
    except ValidationError:
        raise _stop("OUTBOUND_DATABASE_URL, the migrator's address, is not set.") from None


def _rotate_context(grace: float) -> None:
    kid = key_rotation.new_kid()
    key_rotation.add_key(_migrator_url(), "context", kid, secrets.token_bytes(32))
    typer.echo(f"context key {kid} signs from now on; open transactions have {grace:.0f} s to end", err=True)
    time.sleep(grace)
    ended = key_rotation.retire_keys(_migrator_url(), "context", [kid])
    typer.echo(f"retired: {', '.join(ended) or 'none'}")


def _rotate_ticket() -> None:
    fresh = generate_key(key_rotation.new_kid())
    kid, _, encoded = fresh.partition(":")
    key_rotation.add_key(_migrator_url(), "ticket", kid, base64.b64decode(encoded))
    typer.echo("The database takes tickets of both keys now. Deploy every process with")
    typer.echo(f"  OUTBOUND_TICKET_KEYS={fresh}")
    typer.echo("then run `outbound keys retire` with that setting: from then on the old key is refused.")


def _rotate_session() -> None:
    fresh = generate_key(key_rotation.new_kid())
    old = _settings().signing_keys.get_secret_value()
    typer.echo("1. Deploy every process with the new key known, and wait five minutes for JWKS caches:")
    typer.echo(f"  OUTBOUND_SIGNING_KEYS={old},{fresh}")
    typer.echo("2. Deploy with the new key signing:")
    typer.echo(f"  OUTBOUND_SIGNING_KEYS={fresh},{old}")
    typer.echo("3. After fifteen minutes, when no token of the old key lives any more:")
    typer.echo(f"  OUTBOUND_SIGNING_KEYS={fresh}")


def _rotate_credential() -> None:
    settings = _settings()
    kids = list(parse_keys(settings.encryption_keys.get_secret_value()))
    if len(kids) == 1:
        fresh = generate_key(key_rotation.new_kid())
        typer.echo("1. Deploy every process with the new key known:")
        typer.echo(f"  OUTBOUND_ENCRYPTION_KEYS={settings.encryption_keys.get_secret_value()},{fresh}")
        typer.echo("2. Deploy with the new key first, and run this command again with that setting.")
        return

    if settings.database_url_platform is None:
        raise _stop("OUTBOUND_DATABASE_URL_PLATFORM is not set.")

    async def work() -> int:
        db = Database(settings, Vault.from_settings(settings), tiers=("platform", "worker"))
        await db.open()
        try:
            return await key_rotation.reseal_everything(db, lambda line: typer.echo(line, err=True))
        finally:
            await db.close()

    typer.echo(f"sealed {asyncio.run(work())} secrets under {kids[0]}")
    typer.echo("Answers kept for repeated requests are under older keys for a day: drop those keys after 24 hours.")
