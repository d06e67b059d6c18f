"""Dashboards on hosted Supabase, whose PostgREST is configured by settings of its role and calls one function first."""

from api.db.queries import beside
from api.ops import pages
from api.ops.migrate import Connection, MigrationRefusedError, Say

SQL = beside(__file__, "hosted.sql")
SCRIPT = "hosted.sql"
PRE_REQUEST = "public.outbound_pre_request"


def set_up(conn: Connection, say: Say) -> None:
    """Have the project's PostgREST serve the schema `dashboard`. Safe to run again. Raises MigrationRefusedError where
    there is no role `authenticator`, or where it calls a function of the project's own, which must call ours."""
    if conn.execute(SQL.authenticator.sql, {}).fetchone() is None:
        raise MigrationRefusedError("There is no role `authenticator`, so this is not Supabase; leave --supabase away.")
    with conn.transaction():
        conn.execute(pages.ROOT.joinpath(SCRIPT).read_bytes())
    called, served = conn.execute(SQL.authenticator.sql, {}).fetchone() or (None, None)
    say(f"PostgREST serves {served}")
    if called != PRE_REQUEST:
        raise MigrationRefusedError(
            f"PostgREST calls {called} before every request, and only one function can be called: add "
            f"`perform {PRE_REQUEST}();` to it. Until then dashboards show nothing."
        )
