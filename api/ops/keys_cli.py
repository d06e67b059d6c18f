"""`outbound keys`: which keys there are, and new ones without downtime."""

import asyncio
import base64
import json
import secrets
import time
from enum import StrEnum
from typing import Annotated

import typer
from pydantic import ValidationError

from api.access.access_tokens import Signer
from api.access.vault import Vault
from api.db.pool import Database
from api.ops import key_rotation
from api.ops.stopping import settings_or_stop, stopped
from api.settings import MigrateSettings, generate_key, parse_keys

keys_app = typer.Typer(no_args_is_help=True, help="Keys: which there are, and new ones without downtime.")
CONTEXT_GRACE_SECONDS = 60.0
IN_USE = ("ticket", "in use")


class KeyKind(StrEnum):
    """What a key is for."""

    CONTEXT = "context"
    TICKET = "ticket"
    SESSION = "session"
    CREDENTIAL = "credential"


@keys_app.command("status")
def key_status() -> None:
    """Print which keys the database holds, and which kids the settings name."""
    for kind, kid, made, state in key_rotation.key_states(_migrator_url()):
        typer.echo(f"{kind:<10} {kid:<12} {made}  {state}")
    settings = settings_or_stop()
    lists = {"ticket": settings.ticket_keys, "session": settings.signing_keys, "credential": settings.encryption_keys}
    for kind, value in lists.items():
        typer.echo(f"settings   {kind:<12} {', '.join(parse_keys(value.get_secret_value()))}")


@keys_app.command("jwks")
def show_jwks() -> None:
    """Print the public keys of access tokens, as PostgREST reads them from a file."""
    typer.echo(json.dumps(Signer.from_settings(settings_or_stop()).jwks()))


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
    kept = list(parse_keys(settings_or_stop().ticket_keys.get_secret_value()))
    newest = [kid for kind, kid, _, state in key_rotation.key_states(_migrator_url()) if (kind, state) == IN_USE][-1]
    if newest not in kept:
        raise stopped(f"The database's newest ticket key is {newest}: deploy it with OUTBOUND_TICKET_KEYS first.")
    ended = key_rotation.retire_keys(_migrator_url(), "ticket", kept)
    typer.echo(f"retired: {', '.join(ended) or 'none'}")


def _migrator_url() -> str:
    try:
        return MigrateSettings().database_url.get_secret_value()  # pyright: ignore[reportCallIssue]
    except ValidationError:
        raise stopped("OUTBOUND_DATABASE_URL, the migrator's address, is not set.") from None


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
    typer.echo("then, fifteen minutes later, run `outbound keys retire` with that setting: from then on the old key is")
    typer.echo("refused, and with it every access token that dashboards got under it.")


def _rotate_session() -> None:
    fresh = generate_key(key_rotation.new_kid())
    old = settings_or_stop().signing_keys.get_secret_value()
    typer.echo("1. Deploy every process with the new key known, and wait five minutes for JWKS caches:")
    typer.echo(f"  OUTBOUND_SIGNING_KEYS={old},{fresh}")
    typer.echo("   A PostgREST of your own reads them from a file. With that setting, and with no moment between:")
    typer.echo(
        "     outbound keys jwks > jwks.json, then `notify pgrst, 'reload config'` in its database, or SIGUSR2 to it"
    )
    typer.echo("2. Deploy with the new key signing:")
    typer.echo(f"  OUTBOUND_SIGNING_KEYS={fresh},{old}")
    typer.echo(
        "3. After fifteen minutes, when no token of the old key lives any more, and then PostgREST's file again:"
    )
    typer.echo(f"  OUTBOUND_SIGNING_KEYS={fresh}")


def _rotate_credential() -> None:
    settings = settings_or_stop()
    kids = list(parse_keys(settings.encryption_keys.get_secret_value()))
    if len(kids) == 1:
        fresh = generate_key(key_rotation.new_kid())
        typer.echo("1. Deploy every process with the new key known:")
        typer.echo(f"  OUTBOUND_ENCRYPTION_KEYS={settings.encryption_keys.get_secret_value()},{fresh}")
        typer.echo("2. Deploy with the new key first, and run this command again with that setting.")
        return

    if settings.database_url_platform is None:
        raise stopped("OUTBOUND_DATABASE_URL_PLATFORM is not set.")

    async def work() -> int:
        db = Database(settings, tiers=("platform", "worker"))
        await db.open()
        try:
            return await key_rotation.reseal_everything(
                db, Vault.from_settings(settings), lambda line: typer.echo(line, err=True)
            )
        finally:
            await db.close()

    typer.echo(f"sealed {asyncio.run(work())} secrets under {kids[0]}")
    typer.echo("Answers kept for repeated requests are under older keys for a day: drop those keys after 24 hours.")
