"""One transaction of a superuser's in which the proof is every role in turn, sees every row, and leaves nothing behind.

Only scratch databases have such a connection. What needs two transactions or two backends is tried elsewhere.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import sql

from api.ops.isolation.actors import OWNER, Cast, Place
from api.ops.isolation.attackers import Arena
from api.ops.isolation.catalog import Connection

BECOME = sql.SQL("set session authorization {}")


@dataclass
class Stage(Arena):
    """An arena whose every role is worn by one connection; the session's user is the role's, as after a login."""

    admin: Connection

    def of(self, tier: str) -> Connection:
        """Become a tier's login role; as `owner`, be the superuser that may become the owner."""
        self.admin.execute(b"reset session authorization")
        if tier != OWNER:
            become = BECOME.format(sql.Identifier(f"outbound_{tier}"))
            self.admin.execute(become)
        return self.admin

    @contextmanager
    def behind(self) -> Generator[Connection]:
        """Be the superuser for a moment, which no policy binds, and then again who was on."""
        row = self.admin.execute(b"select session_user::text").fetchone()
        again = BECOME.format(sql.Identifier(str(row[0]) if row else ""))
        self.admin.execute(b"reset session authorization")
        yield self.admin
        self.admin.execute(again)


@contextmanager
def stage(admin: Connection, place: Place, cast: Cast) -> Generator[Stage]:
    """Yield a stage in a transaction of `admin`, or in the one that is open, and undo all that was done on it."""
    with admin.transaction(force_rollback=True):
        yield Stage(place, cast, {}, admin)
