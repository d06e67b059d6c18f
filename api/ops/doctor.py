"""`outbound doctor`: looks at a deployment with its own settings, and says what is wrong with it and what to do.

It changes nothing: all it asks, it asks in read-only transactions. Nor does it print a secret.
"""

import ipaddress
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from urllib.parse import urlsplit

import httpx
import psycopg
from psycopg_pool import PoolTimeout
from pydantic import SecretStr

from api.db.queries import beside
from api.ops import pages
from api.ops.comparing import differences
from api.ops.doctor_keys import examine_keys
from api.ops.looking import MIGRATE, OWNER, SECONDS, Finding, Row, ask, connected, looking, reason
from api.ops.migrate import (
    LOGIN_ROLES,
    MigrationRefusedError,
    applied_versions,
    check_database,
    migration_files,
    missing_queue_files,
)
from api.ops.refold import sample
from api.ops.standing import Connection
from api.settings import Settings

SQL = beside(__file__, "doctor.sql")
# From these on no mail keeps `html.parser` busy for long (CVE-2025-6069); newer branches began with that.
PATCHED_PYTHONS = {(3, 11): 14, (3, 12): 12, (3, 13): 6}
ROLE_SETTING = re.compile(r"^alter role (\w+) set (\w+) = '([^']*)';$", re.MULTILINE)
READY = re.compile(r'\A\{"status":\s*"ok".*\}\Z')
MOST_NAMES = 5
CLOCKS_DIFFER = 2.0  # seconds
DIFFERENCES = {
    "not applied": f"not as this version's pages say: {{}}; {MIGRATE}",
    "changed": f"changed or dropped by hand: {{}}; find out by whom, then {MIGRATE}, which puts it back",
    "homeless": f"made by no page: {{}}; find out by whom, then {MIGRATE}, which drops it",
    "stranger": "not outbound_owner's, so nothing can fence it: {}; move it to a schema of your own",
    "guard": "made by no page: {}; find out by whom and drop it by hand, as `outbound migrate` leaves guards alone",
}


def examine(settings: Settings, database_url: SecretStr | None) -> Iterator[Finding]:
    """Yield everything that is wrong. Without the migrator's address only what every role may see is looked at."""
    sound = True
    for finding in _examine(settings, database_url):
        sound = sound and finding.warning
        yield finding
    if sound:
        yield from _keys_of_people(settings)
        yield from _lanes(settings)
    yield from _proxy(settings.public_url)


def _examine(settings: Settings, database_url: SecretStr | None) -> Iterator[Finding]:
    yield from _python(sys.version_info[:3])
    refused = {tier: list(_login(settings, tier)) for tier in LOGIN_ROLES}
    yield from chain.from_iterable(refused.values())
    works = not refused["worker"]
    if database_url is not None:
        yield from _database(database_url, lambda conn: _as_migrator(conn, settings, works=works))
    else:
        yield Finding("OUTBOUND_DATABASE_URL is not set, so pages, grants and keys were not looked at", warning=True)
        if works:
            yield from _database(settings.database_url_worker, _as_any_role)


def _keys_of_people(settings: Settings) -> Iterator[Finding]:
    """Fold a sample of people anew: after another `idna` some may be spelt otherwise."""
    try:
        folded = sample(settings)
    except (psycopg.Error, PoolTimeout) as error:
        yield Finding(f"the keys of people could not be looked at: {reason(error)}", warning=True)
        return
    wrong = folded.changed + len(folded.collisions)
    if wrong:
        yield Finding(
            f"{wrong} of {folded.seen} sampled people and entries have keys of another version: outbound refold"
        )


def _lanes(settings: Settings) -> Iterator[Finding]:
    """Compare the lanes with what is due by the views, as the workers do within the hour."""
    try:
        with connected(settings.database_url_worker) as conn, looking(conn):
            rows = ask(conn, SQL.forgotten)
    except psycopg.Error as error:
        yield Finding(f"what is due could not be compared: {reason(error)}", warning=True)
        return
    for row in rows:
        yield Finding(
            f"{row['amount']} lanes of {row['task']} have work that is due and no time for it; the workers mend it"
            " within the hour: see that one runs",
            warning=True,
        )


def _python(version: tuple[int, int, int]) -> Iterator[Finding]:
    major, minor, micro = version
    wanted = PATCHED_PYTHONS.get((major, minor), 0)
    if micro < wanted:
        yield Finding(
            f"Python {major}.{minor}.{micro} lacks security fixes (html.parser, CVE-2025-6069): "
            f"update it to {major}.{minor}.{wanted} or newer",
            warning=True,
        )


# Logging in --------------------------------------------------------------------------------------------------------


def _login(settings: Settings, tier: str) -> Iterator[Finding]:
    url: SecretStr | None = getattr(settings, f"database_url_{tier}")
    name, role = f"OUTBOUND_DATABASE_URL_{tier.upper()}", f"outbound_{tier}"
    if url is None:
        return
    try:
        with connected(url) as conn:
            user = conn.info.user
    except psycopg.Error as error:
        yield Finding(f"{name} does not open: {reason(error)}; mend the address, or {MIGRATE} to set its password")
        return
    if user != role:
        yield Finding(f"{name} logs in as {user}: it must log in as {role}")


# The database ------------------------------------------------------------------------------------------------------


def _database(url: SecretStr, look: Callable[[Connection], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        with connected(url) as conn:
            yield from look(conn)
    except psycopg.Error as error:
        yield Finding(
            f"the database could not be looked at: {reason(error)}; give OUTBOUND_DATABASE_URL the migrator's"
        )


def _as_any_role(conn: Connection) -> Iterator[Finding]:
    with looking(conn):
        yield from _of_every_role(conn, None)


def _as_migrator(conn: Connection, settings: Settings, *, works: bool) -> Iterator[Finding]:
    said: list[str] = []
    try:
        with conn.transaction():
            check_database(conn, said.append)
            applied = applied_versions(conn)
    except MigrationRefusedError as error:
        yield Finding(str(error))
        return
    yield from (Finding(line.removeprefix("warning: "), warning=True) for line in said)
    missing = [path.name for path in migration_files() if path.name.split("_", 1)[0] not in applied]
    if missing:
        yield Finding(f"migrations are missing ({_names(missing)}): {MIGRATE}")
        return
    with looking(conn, OWNER):
        if files := missing_queue_files(conn):
            yield Finding(f"files of the job queue are missing ({_names(path.name for path in files)}): {MIGRATE}")
        yield from _of_every_role(conn, conn.info.user)
        yield from _pages(conn)
    yield from examine_keys(conn, settings, works=works)


def _clock(conn: Connection) -> Iterator[Finding]:
    """Yield whether this machine's clock is the database's, by which tickets grow old."""
    before = time.time()
    (row,) = ask(conn, SQL.clock)
    ahead = row["now"] - (before + time.time()) / 2
    if abs(ahead) > CLOCKS_DIFFER:
        how = "ahead of" if ahead > 0 else "behind"
        text = f"the database's clock is {abs(ahead):.0f} s {how} this machine's: let both follow a time server"
        yield Finding(text, warning=True)


def _of_every_role(conn: Connection, migrator: str | None) -> Iterator[Finding]:
    """Yield what every role may read in the catalog."""
    yield from _clock(conn)
    for row in ask(conn, SQL.role_faults, {"migrator": migrator}):
        yield Finding(f"{row['wrong']}: {row['mend']}")
    yield from _role_settings(ask(conn, SQL.role_settings))
    for row in ask(conn, SQL.silent_triggers):
        yield Finding(
            f"{row['amount']} triggers of {row['name']} are off ({row['one']}): alter table {row['name']} enable "
            "trigger all"
        )
    for row in ask(conn, SQL.unfenced_tables):
        yield Finding(
            f"{row['name']} has no row level security that binds everybody: alter table {row['name']} enable row "
            "level security, force row level security"
        )
    for row in ask(conn, SQL.open_to_public):
        yield Finding(f"everybody may {row['what']}: {row['mend']}", warning=row["warning"])


def _role_settings(rows: list[Row]) -> Iterator[Finding]:
    """Yield what a role of ours has set and the pages do not say, and the other way round."""
    script = (pages.ROOT / "policies" / pages.REVOKE).read_text(encoding="utf-8")
    wanted = {(role, name): value for role, name, value in ROLE_SETTING.findall(script)}
    recorded: set[tuple[str, str]] = set()
    for row in rows:
        place = (row["role"], row["name"])
        if row["everywhere"] and wanted.get(place) == row["value"]:
            recorded.add(place)
        elif place in wanted and row["everywhere"]:
            recorded.add(place)
            yield Finding(f"{place[0]} has {place[1]} set to {row['value']}, not {wanted[place]}: {MIGRATE}")
        else:
            yield Finding(f"{place[0]} has {place[1]} set, which no page does: {row['mend']}")
    for role, name in sorted(wanted.keys() - recorded):
        yield Finding(f"{role} has {name} not set to {wanted[role, name]}: {MIGRATE}")


def _pages(conn: Connection) -> Iterator[Finding]:
    try:
        found = differences(conn, pages.ROOT)
    except pages.PageError as error:
        yield Finding(str(error))
        return
    for how, text in DIFFERENCES.items():
        names = [each.name for each in found if each.how == how]
        if names:
            yield Finding(text.format(_names(names)))


def _names(names: Iterable[str]) -> str:
    first, *rest = list(names)
    more = f" and {len(rest) - MOST_NAMES + 1} more" if len(rest) >= MOST_NAMES else ""
    return ", ".join([first, *rest][:MOST_NAMES]) + more


# The public address ------------------------------------------------------------------------------------------------


def _proxy(public_url: str) -> Iterator[Finding]:
    """Ask the API through the proxies before it. No answer at a loopback address is no finding: that is an engine on
    one machine, which may be off."""
    address = f"{public_url}/readyz"
    try:
        answer = httpx.get(address, timeout=SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL):
        if not _is_loopback(public_url):
            text = f"{address} does not answer: start the API, or mend OUTBOUND_PUBLIC_URL or what stands before it"
            yield Finding(text, warning=True)
        return
    ready = READY.search(answer.text)
    if answer.status_code != 200 or ready is None:
        yield Finding(
            f"{address} answers {answer.status_code}, not as an API that can work does: see its log, or mend "
            "OUTBOUND_PUBLIC_URL"
        )
    elif "undeclared_proxy" in ready[0]:
        yield Finding(
            "a proxy before the API is not declared, so logins are not counted per network: name it in "
            "OUTBOUND_TRUSTED_PROXIES"
        )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
