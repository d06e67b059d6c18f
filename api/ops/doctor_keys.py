"""The part of `outbound doctor` about keys: those of the settings, and those that the database needs."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg

from api.access.vault import DecryptionError, SealedField, Vault
from api.db.queries import beside
from api.db.ticket import Tickets, hmac_pads
from api.ops.looking import MIGRATE, OWNER, Finding, ask, connected, looking
from api.ops.standing import Connection
from api.settings import Settings, parse_keys

SQL = beside(__file__, "doctor.sql")


def examine_keys(conn: Connection, settings: Settings, *, works: bool) -> Iterator[Finding]:
    """Yield what is wrong with the keys. Stored secrets are counted where a worker can log in and open tenants."""
    try:
        tickets, vault = parse_keys(settings.ticket_keys.get_secret_value()), Vault.from_settings(settings)
        kids = set(parse_keys(settings.encryption_keys.get_secret_value()))
    except ValueError:
        yield Finding(
            "OUTBOUND_TICKET_KEYS, OUTBOUND_ENCRYPTION_KEYS or OUTBOUND_TOKEN_PEPPER does not parse: see .env.example"
        )
        return
    with looking(conn, OWNER):
        wrong = list(_tickets(conn, tickets))
        tenants = [row["org_id"] for row in ask(conn, SQL.tenants)]
    yield from wrong
    if works and not wrong:
        yield from _sealed(_counted(settings, Tickets(tickets), vault, tenants), kids)


def _tickets(conn: Connection, keys: dict[str, bytes]) -> Iterator[Finding]:
    pads = [hmac_pads(key)[0] for key in keys.values()]
    for row in ask(conn, SQL.ticket_keys, {"kids": list(keys), "pads": pads}):
        name = f"the ticket key {row['kid']} of OUTBOUND_TICKET_KEYS"
        if not row["stored"]:
            yield Finding(f"{name} is not known to the database: {MIGRATE}")
        elif row["retired"]:
            yield Finding(f"{name} was retired: take it out, `outbound keys status` says which is in use")
        elif not row["same"]:
            yield Finding(f"{name} is another key than the database's: mend the setting, or {MIGRATE} to have this one")
    if not ask(conn, SQL.context_keys)[0]["amount"]:
        yield Finding(
            "the database has no context key in use, so no request is answered: run `outbound keys rotate context`"
        )


def _counted(settings: Settings, tickets: Tickets, vault: Vault, tenants: list[Any]) -> Counter[tuple[str, bool]]:
    """Return how many secrets are stored under each key, and whether one of them opens."""
    counted: Counter[tuple[str, bool]] = Counter()
    with connected(settings.database_url_worker) as conn:
        for org_id in tenants:
            try:
                with conn.transaction():
                    conn.execute(SQL.open_job.sql, {"ticket": tickets.sign("job", str(org_id))})
                    rows = ask(conn, SQL.sealed)
            except psycopg.errors.InvalidAuthorizationSpecification:
                continue  # it was deleted meanwhile
            for row in rows:
                place = SealedField(org_id, row["relation"], row["field"], row["id"])
                counted[row["kid"], _opens(vault, bytes(row["body"]), place)] += row["amount"]
    return counted


def _opens(vault: Vault, sealed: bytes, place: SealedField) -> bool:
    try:
        vault.unseal(sealed, place)
    except DecryptionError:
        return False
    return True


def _sealed(counted: Counter[tuple[str, bool]], kids: set[str]) -> Iterator[Finding]:
    for (kid, opens), amount in sorted(counted.items()):
        if kid not in kids:
            yield Finding(
                f"{amount} stored secrets are under the encryption key {kid}, which OUTBOUND_ENCRYPTION_KEYS does not "
                "name, and cannot be opened: put that key back"
            )
        elif not opens:
            yield Finding(
                f"the encryption key {kid} of OUTBOUND_ENCRYPTION_KEYS does not open what is stored under it "
                f"({amount} secrets): put the key back that had this name"
            )
