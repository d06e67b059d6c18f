"""`outbound org`, `token` and `stop`: what an operator does from a shell, without a token of their own.

They need the platform's database address and the keys, as the processes have them; what they do is in the audit log.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

import psycopg
import typer
from psycopg_pool import PoolTimeout

from api.access.vault import last_four
from api.errors import Problem, problem_from_database
from api.ops.stopping import settings_or_stop, stopped
from api.organizations.operator import SQL, Operator, operating

T = TypeVar("T")
org_app = typer.Typer(no_args_is_help=True, help="Organizations: the partners.")
token_app = typer.Typer(no_args_is_help=True, help="Tokens for operators and for organizations.")


def run(work: Callable[[Operator], Awaitable[T]]) -> T:
    """Do something as the operator. Raises typer.Exit, with a sentence, for what goes wrong."""
    settings = settings_or_stop()
    if settings.database_url_platform is None:
        raise stopped("OUTBOUND_DATABASE_URL_PLATFORM is not set.")

    async def run() -> T:
        async with operating(settings) as operator:
            return await work(operator)

    try:
        return asyncio.run(run())
    except Problem as problem:
        raise stopped(problem.detail) from None
    except (psycopg.Error, PoolTimeout) as error:
        raise stopped(problem_from_database(error).detail) from None


def _show(document: Any) -> None:
    typer.echo(json.dumps(document, indent=2, default=str))


@org_app.command("create")
def create_org(
    name: str,
    slug: Annotated[str, typer.Option(help="What its people log in under.")],
    sandbox: Annotated[bool, typer.Option(help="Its connections talk to simulated providers, for good.")] = False,
) -> None:
    """Make an organization and print it with its first token, which is not shown again."""
    _show(run(lambda operator: operator.create(name, slug, {}, sandbox=sandbox)))


@org_app.command("list")
def list_orgs() -> None:
    """Print every organization, newest first."""

    async def work(operator: Operator) -> list[Any]:
        return [json.loads(await operator.get(org_id)) for org_id in await operator.list_ids(None, 100_000)]

    for organization in run(work):
        typer.echo(
            f"{organization['id']}  {organization['status']:<10} {organization['slug']:<24} {organization['name']}"
        )


@org_app.command("suspend")
def suspend_org(org_id: UUID) -> None:
    """Pause every campaign of an organization and refuse its credentials from the next request on."""
    _show(json.loads(run(lambda operator: operator.change(org_id, {"status": "suspended"}))))


@org_app.command("activate")
def activate_org(org_id: UUID) -> None:
    """Open a suspended organization again. Its campaigns stay paused."""
    _show(json.loads(run(lambda operator: operator.change(org_id, {"status": "active"}))))


@org_app.command("delete")
def delete_org(org_id: UUID, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete an organization and all that is its own, once what it sends has been stopped."""
    if not yes:
        typer.confirm(f"Delete organization {org_id} and everything in it?", abort=True)
    _show(json.loads(run(lambda operator: operator.delete(org_id))))


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
        raise stopped("Say either --platform or --org ID.")
    if org is not None:
        _show(run(lambda operator: operator.new_org_token(org, name)))
        return

    async def work(operator: Operator) -> dict[str, Any]:
        token = operator.vault.new_token("platform")
        params = {
            "name": name,
            "hmac": operator.vault.token_hmac(token),
            "last_four": last_four(token),
            "expires_at": datetime.now(UTC) + timedelta(days=days) if days else None,
        }
        async with operator.db.by_operator(operator.subject) as tx:
            row = await tx.one(SQL.create_platform_token, params) or {}
        return {"id": row["id"], "name": name, "token": token}

    _show(run(work))


@token_app.command("list")
def list_tokens() -> None:
    """Print the platform's tokens, without their secrets."""

    async def work(operator: Operator) -> list[Any]:
        async with operator.db.by_operator(operator.subject) as tx:
            return await tx.many(SQL.list_platform_tokens)

    _show(run(work))


@token_app.command("revoke")
def revoke_token(token_id: UUID) -> None:
    """Revoke a platform token. The next request that carries it is refused."""

    async def work(operator: Operator) -> object:
        async with operator.db.by_operator(operator.subject) as tx:
            return await tx.one(SQL.revoke_platform_token, {"id": token_id})

    if run(work) is None:
        raise stopped("There is no such platform token.")
    typer.echo("revoked")


def stop(
    *,
    org: Annotated[UUID | None, typer.Option(help="Everything of this organization.")] = None,
    company: Annotated[UUID | None, typer.Option(help="Everything of this company.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything of everybody.")] = False,
) -> None:
    """The operator's brake: pause running campaigns. Nothing starts again by itself."""
    if sum((org is not None, company is not None, everything)) != 1:
        raise stopped("Say one of --org ID, --company ID and --all.")

    async def work(operator: Operator) -> int:
        targets = [org] if org is not None else await operator.list_ids(None, 1_000_000)
        paused = 0
        for number, target in enumerate(targets, start=1):
            paused += await operator.stop(target, company)
            if number % 100 == 0:
                typer.echo(f"{number} of {len(targets)} organizations, {paused} campaigns", err=True)
        return paused

    typer.echo(f"paused {run(work)} campaigns; the providers are being told")
