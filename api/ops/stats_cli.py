"""`outbound stats recount`: compares the figures of every campaign with what they count, and mends them."""

import asyncio
from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import psycopg
import typer
from psycopg_pool import PoolTimeout

from api.access.vault import Vault
from api.db.pool import Database
from api.db.queries import beside
from api.ops.stopping import settings_or_stop, stopped
from api.organizations.operator import Operator
from api.settings import Settings

SQL = beside(__file__, "stats.sql")
PAGE = 500
stats_app = typer.Typer(no_args_is_help=True, help="Figures of campaigns.")


@stats_app.callback()
def _stats() -> None: ...


@stats_app.command()
def recount(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only say what is wrong; exit with 1 if anything is.")] = False,
) -> None:
    """Compare each campaign's figures with its events and people, and mend what differs. May be run at any time."""
    settings = settings_or_stop()
    try:
        campaigns, wrong = asyncio.run(recount_all(settings, mend=not check, say=typer.echo))
    except (psycopg.OperationalError, PoolTimeout, OSError) as error:
        raise stopped(f"The database does not answer: {type(error).__name__}.") from None
    typer.echo(f"{campaigns} campaigns looked at, {wrong} figures {'wrong' if check else 'mended'}")
    if check and wrong:
        raise typer.Exit(1)


async def recount_all(settings: Settings, *, mend: bool, say: Callable[[str], None]) -> tuple[int, int]:
    """Recount the campaigns of every organization. Return how many there are, and how many figures were wrong.

    Raises psycopg's error, or PoolTimeout, where the database does not answer.
    """
    db = Database(settings, tiers=("platform", "worker"))
    await db.open()
    campaigns = wrong = 0
    try:
        before: UUID | None = None
        while page := await Operator(db, Vault.from_settings(settings)).list_ids(before, PAGE):
            for org_id in page:
                async with db.by_job(org_id) as tx:
                    rows = await tx.many(SQL.campaigns_to_recount)
                for row in rows:
                    found = await _recount(db, org_id, row["id"], mend=mend)
                    campaigns, wrong = campaigns + 1, wrong + found
                    if found:
                        say(f"organization {org_id}, campaign {row['id']}: {found} figures")
                    if campaigns % 1000 == 0:
                        say(f"{campaigns} campaigns so far")
            before = page[-1]
    finally:
        await db.close()
    return campaigns, wrong


async def _recount(db: Database, org_id: UUID, campaign_id: UUID, *, mend: bool) -> int:
    async with db.by_job(org_id) as tx:
        await tx.one(SQL.allow_long)
        row = await tx.one(SQL.recount, {"campaign_id": campaign_id, "mend": mend})
    return int(row["wrong"]) if row else 0
