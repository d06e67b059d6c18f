"""`outbound refold`: gives people and lists the keys of this version, after another `idna` or another fold.

People whose new key is another person's already are left as they are and named: which of the two to keep is not ours.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import typer
from psycopg_pool import PoolTimeout

from api.db.pool import Database, Row, Tx
from api.db.queries import Query, beside
from api.ops.stopping import settings_or_stop, stopped
from api.organizations.operator import OPERATOR
from api.organizations.operator import SQL as OPERATORS
from api.settings import Settings
from providers.identity import domain_key, email_key, profile_key, untagged

SQL = beside(__file__, "suppress.sql")
PAGE = 2000
NO_ID = UUID(int=0)
SAMPLE = 500  # people of an organization that the doctor looks at, the first ones
SAMPLED = 20  # organizations

Fold = Callable[[Row], dict[str, Any] | None]


@dataclass
class Folded:
    """What came of it."""

    seen: int = 0
    changed: int = 0
    collisions: list[str] = field(default_factory=list[str])


def refold(*, check: bool = False) -> None:
    """Fold every address, domain and profile anew. Run it after an update of `idna`; it may be run again."""
    settings = settings_or_stop()
    try:
        folded = asyncio.run(_all(settings, change=not check, say=typer.echo))
    except (psycopg.OperationalError, PoolTimeout, OSError) as error:
        raise stopped(f"The database does not answer: {type(error).__name__}.") from None
    typer.echo(f"{folded.seen} looked at, {folded.changed} {'would change' if check else 'changed'}")
    for line in folded.collisions:
        typer.echo(line, err=True)
    if folded.collisions:
        raise typer.Exit(1)


def sample(settings: Settings) -> Folded:
    """Return how many of some people and entries have other keys than this version gives. Raises psycopg.Error."""
    return asyncio.run(_all(settings, change=False, say=None, organizations=SAMPLED, people=SAMPLE))


async def _all(
    settings: Settings,
    *,
    change: bool,
    say: Callable[[str], None] | None,
    organizations: int = 1_000_000,
    people: int | None = None,
) -> Folded:
    db = Database(settings, tiers=("platform", "worker"))
    await db.open()
    folded = Folded()
    try:
        async with db.by_operator(OPERATOR) as tx:
            rows = await tx.many(OPERATORS.list_tenants, {"before": None, "amount": organizations})
        for number, row in enumerate(rows, start=1):
            await _of_organization(db, row["org_id"], folded, change=change, people=people)
            if say is not None and number % 20 == 0:
                say(f"{number} of {len(rows)} organizations, {folded.seen} looked at, {folded.changed} changed")
        await _of_platform(db, folded, change=change, all_of_it=people is None)
    finally:
        await db.close()
    return folded


async def _of_organization(db: Database, org_id: UUID, folded: Folded, *, change: bool, people: int | None) -> None:
    for page, fold, write in (
        (SQL.leads_to_fold, _lead, SQL.fold_lead),
        (SQL.suppressions_to_fold, _entry, SQL.fold_suppression),
    ):
        after, left = NO_ID, people
        while left is None or left > 0:
            amount = PAGE if left is None else min(PAGE, left)
            async with db.by_job(org_id) as tx:
                rows = await tx.many(page, {"after": after, "amount": amount})
                for row in rows:
                    folded.seen += 1
                    await _one(tx, org_id, row, folded, fold=fold, write=write if change else None)
            if len(rows) < amount:
                break
            after, left = rows[-1]["id"], None if left is None else left - len(rows)


async def _of_platform(db: Database, folded: Folded, *, change: bool, all_of_it: bool) -> None:
    """Fold the platform's list: an entry under a key of this version takes the place of the older one."""
    after = ""
    while True:
        async with db.by_operator(OPERATOR) as tx:
            rows = await tx.many(SQL.list_platform_suppressions, {"after": after})
        for row in rows:
            folded.seen += 1
            found = _entry({**row, "id": row["key"], "value_key": row["key"]})
            if found is not None and found["unreadable"]:
                folded.collisions.append(f"platform: {row['value']} is not readable any more; it stays as it is")
            elif found is not None:
                folded.changed += 1
                if change:
                    await _replace(db, row, found["key"])
        if not rows or not all_of_it:
            return
        after = rows[-1]["key"]


async def _replace(db: Database, row: Row, key: str) -> None:
    covers = {"subdomains": row["include_subdomains"], "tags": row["include_tags"]}
    entry = {"kind": row["kind"], "value": row["value"], "key": key, **covers}
    async with db.by_operator(OPERATOR) as tx:
        await tx.run(SQL.put_platform_suppressions, {"entries": json.dumps([entry]), "source": row["source"]})
        await tx.run(SQL.delete_platform_suppression, {"key": row["key"], "bare": row["key"]})


async def _one(tx: Tx, org_id: UUID, row: Row, folded: Folded, *, fold: Fold, write: Query | None) -> None:
    params = fold(row)
    if params is None:
        return
    if params["unreadable"]:
        folded.collisions.append(f"organization {org_id}: {row['id']} is not readable any more; it stays as it is")
    elif write is None or await tx.run(write, params):
        folded.changed += 1
    else:
        folded.collisions.append(f"organization {org_id}: {row['id']} is spelt as another now; both stay as they are")


def _lead(row: Row) -> dict[str, Any] | None:
    """Return the keys of a person where they are others than those kept."""
    keys = {"email_key": email_key(row["email"]), "linkedin_key": profile_key(row["linkedin_url"])}
    if keys == {"email_key": row["email_key"], "linkedin_key": row["linkedin_key"]}:
        return None
    lost = (row["email_key"] and not keys["email_key"]) or (row["linkedin_key"] and not keys["linkedin_key"])
    return {"id": row["id"], **keys, "unreadable": bool(lost)}


def _entry(row: Row) -> dict[str, Any] | None:
    """Return the key of an entry where it is another than the one kept."""
    key = FOLDS[row["kind"]](row["value"])
    if key is not None and row["include_tags"]:
        key = untagged(key)
    return None if key == row["value_key"] else {"id": row["id"], "key": key, "unreadable": key is None}


FOLDS = {"email": email_key, "domain": domain_key, "linkedin_url": profile_key}
