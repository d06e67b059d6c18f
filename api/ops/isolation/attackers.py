"""Who tries to see rows of another tenant: contexts never opened, forged or replayed, and real ones of others."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from api.ops.isolation.actors import OWNER, SETTINGS, Cast, Place, Settings, Tenant, wear, worn
from api.ops.isolation.catalog import Connection, Relation

TIERS = ("org", "company", "worker", "public", "platform")
Dress = Callable[[Connection], None]


@dataclass(frozen=True)
class Attacker:
    """A login role, the context it rightly has (`scope`, or none), what it puts on, and whose rows it is after."""

    name: str
    tier: str
    victim: Tenant
    scope: Tenant | None
    dress: Dress
    trips: tuple[str, ...] = ()  # what its own settings make Postgres complain of, before any fence is evaluated

    def may_see(self, relation: Relation, shown: Sequence[str], row: tuple[Any, ...]) -> bool:
        """Whether a row that came back is its own to see."""
        if self.scope is None:
            return False
        seen = dict(zip(shown, map(str, row), strict=True))
        org, company = str(self.scope.org_id), str(self.scope.company_id)
        if seen.get(relation.org_column or "", org) != org:
            return False
        return self.tier != "company" or seen.get(relation.company_column or "", company) == company


@dataclass
class Arena:
    """A place, who takes part in it, and the connections that are kept for the attackers."""

    place: Place
    cast: Cast
    connections: dict[str, Connection]

    def of(self, tier: str) -> Connection:
        """Return the kept connection of a tier."""
        if tier not in self.connections:
            self.connections[tier] = self.place.connect(tier)
        return self.connections[tier]

    def can_open(self, tier: str, tenant: Tenant) -> bool:
        """Whether there is a credential with which this tier opens this tenant's context."""
        return tier in self.place.urls and (tier == OWNER or tier in tenant.subjects)

    def tiers(self) -> list[str]:
        """Return the login roles that there is an address for."""
        return [tier for tier in TIERS if tier in self.place.urls]


@contextmanager
def arena(place: Place, cast: Cast) -> Generator[Arena]:
    """Yield an arena and close its connections in the end."""
    made = Arena(place, cast, {})
    try:
        yield made
    finally:
        for conn in made.connections.values():
            conn.close()


def wearing(settings: Settings) -> Dress:
    """Return how to put these settings on."""
    return lambda conn: wear(conn, settings)


def entering(place: Place, tier: str, tenant: Tenant) -> Dress:
    """Return how to open a tenant's context with a fresh ticket."""
    return lambda conn: place.enter(conn, tier, tenant)


def worn_earlier(arena: Arena, tier: str, tenant: Tenant) -> Settings:
    """Return the settings of a context that this very connection had open in an earlier transaction."""
    with arena.place.acting(arena.of(tier), tier, tenant) as conn:
        return worn(conn)


def worn_elsewhere(arena: Arena, tier: str, tenant: Tenant) -> Settings:
    """Return the settings of a context that another backend had open."""
    with arena.place.connect(tier) as other, arena.place.acting(other, tier, tenant) as conn:
        return worn(conn)


def plain_forgers(arena: Arena, tier: str) -> Iterator[Attacker]:
    """Yield every attacker of a login role that has no context, or made one up."""
    foreign = arena.cast.foreign
    claims = foreign.claims(tier)
    plain = {
        "context never set": {},
        "context emptied": dict.fromkeys(SETTINGS, ""),
        "context of garbage": {**dict.fromkeys(SETTINGS, "not a uuid"), "app.signature": "c1:zz"},
        "unsigned context": claims,
        "forged MAC": {**claims, "app.signature": f"c1:{'0' * 64}"},
    }
    for name, settings in plain.items():
        trips = ("22P02",) if "not a uuid" in settings.values() else ()
        yield Attacker(f"{name} ({tier})", tier, foreign, None, wearing(settings), trips)


def forgers(arena: Arena, tier: str) -> Iterator[Attacker]:
    """Yield every attacker of a login role that has no valid context, those that took one over included."""
    yield from plain_forgers(arena, tier)
    foreign, own = arena.cast.foreign, arena.cast.own
    if arena.can_open(tier, own):
        replayed = worn_earlier(arena, tier, own)
        yield Attacker(f"replayed signature ({tier})", tier, own, None, wearing(replayed))
    lender = tier if arena.can_open(tier, foreign) else "org"
    if arena.can_open(lender, foreign):
        borrowed = worn_elsewhere(arena, lender, foreign)
        yield Attacker(f"another backend's signature ({tier})", tier, foreign, None, wearing(borrowed))


def insiders(arena: Arena) -> Iterator[Attacker]:
    """Yield every attacker with a valid context of its own, the definers' owner among them."""
    own, foreign, sister = arena.cast.own, arena.cast.foreign, arena.cast.sister
    for tier in (*TIERS, OWNER):
        if tier != "platform" and arena.can_open(tier, own):
            dress = entering(arena.place, tier, own)
            yield Attacker(f"other organization ({tier})", tier, foreign, own, dress)
            if tier == "company" and sister is not None:
                yield Attacker("other company of the organization (company)", tier, sister, own, dress)


def few_attackers(arena: Arena) -> list[Attacker]:
    """Return the few who notice what is wrong with one table: real contexts, and each role without any."""
    names = ("context never set", "unsigned context")
    idle = [each for tier in arena.tiers() for each in plain_forgers(arena, tier) if each.name.startswith(names)]
    return [*idle, *insiders(arena)]


def attackers(arena: Arena) -> list[Attacker]:
    """Return all of them."""
    return [*(each for tier in arena.tiers() for each in forgers(arena, tier)), *insiders(arena)]
