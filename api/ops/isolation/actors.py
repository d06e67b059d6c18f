"""Who takes part: tenants with real credentials, and connections of the login roles that they knock with."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

from api.db.ticket import Tickets
from api.ops.isolation.catalog import Connection

KIND_OF = {"org": "token", "company": "token", "worker": "job", "public": "hook", "platform": "platform"}
DOOR_OF = {"worker": "select ctx.open_job(%s)", "platform": "select ctx.open_platform(%s)"}
DOOR = "select ctx.open(%s)"
SETTINGS: tuple[str, ...] = ("app.org_id", "app.company_id", "app.user_id", "app.tier", "app.signature")
OWNER = "owner"
Settings = dict[str, str]


class CannotProveError(Exception):
    """The proof cannot even begin; the text says what is missing."""


@dataclass(frozen=True)
class Tenant:
    """A company of an organization; `subjects` is what a ticket of each tier names, where there is a credential."""

    name: str
    org_id: UUID
    company_id: UUID | None
    subjects: Mapping[str, str] = field(default_factory=dict[str, str])

    def claims(self, tier: str) -> Settings:
        """Return the settings of its context, unsigned."""
        return {
            "app.org_id": str(self.org_id),
            "app.company_id": str(self.company_id or "") if tier in ("company", "public") else "",
            "app.user_id": str(self.org_id),
            "app.tier": {"public": "hook", OWNER: "platform"}.get(tier, tier),
        }


@dataclass(frozen=True)
class Cast:
    """The attacker's own company, another of the same organization if there is one, and one of another organization."""

    own: Tenant
    sister: Tenant | None
    foreign: Tenant

    @property
    def tenants(self) -> list[Tenant]:
        """All of them."""
        return [tenant for tenant in (self.own, self.sister, self.foreign) if tenant is not None]


@dataclass(frozen=True)
class Place:
    """One database: an address for each login role, and under `owner` one of a member of outbound_owner."""

    urls: Mapping[str, str]
    tickets: Tickets

    def connect(self, tier: str) -> Connection:
        """Return a connection of a login role; of `owner`, one that can become outbound_owner."""
        return psycopg.connect(
            self.urls[tier], autocommit=True, connect_timeout=10, application_name="outbound-prove",
            prepare_threshold=None,
        )  # fmt: skip

    def enter(self, conn: Connection, tier: str, tenant: Tenant) -> None:
        """Open a tenant's context in the transaction that is open on `conn`."""
        if tier == OWNER:
            become_owner(conn, tenant)
            return
        conn.execute(DOOR_OF.get(tier, DOOR).encode(), [self.tickets.sign(KIND_OF[tier], tenant.subjects[tier])])

    @contextmanager
    def acting(self, conn: Connection, tier: str, tenant: Tenant) -> Generator[Connection]:
        """Yield the connection inside a tenant's context, in a transaction that is always rolled back."""
        with conn.transaction(force_rollback=True):
            self.enter(conn, tier, tenant)
            yield conn


def become_owner(conn: Connection, tenant: Tenant) -> None:
    """Act as outbound_owner in a tenant's context, as every definer function does."""
    conn.execute(b"set local role outbound_owner")
    conn.execute(b"select ctx.set_scope(%s, null, null, 'platform')", [tenant.org_id])


def wear(conn: Connection, settings: Settings, *, local: bool = True) -> None:
    """Set settings, as any session may."""
    for name, text in settings.items():
        conn.execute(b"select set_config(%s, %s, %s)", [name, text, local])


def worn(conn: Connection) -> Settings:
    """Return the settings of the context that is open."""
    return {name: str(one(conn, b"select current_setting(%s, true)", [name]) or "") for name in SETTINGS}


def one(conn: Connection, statement: bytes, params: list[Any] | None = None) -> Any:
    """Return the first column of the first row, or None."""
    row = conn.execute(statement, params).fetchone()
    return None if row is None else row[0]
