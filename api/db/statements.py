"""The statements that are the pool's own: how transactions begin and end, and the doors through which they open."""

from api.db.pipeline import Statement

BEGIN_READ = b"begin transaction read only"
# Settings made for the session end with the transaction: the connection goes on to another caller.
END: list[Statement] = [(b"commit", {}), (b"reset all", {})]
END_AT_ONCE = b"commit; reset all"
OPEN = b"select org_id, company_id, user_id, credential_id, tier, kind, role, scopes from ctx.open(%(ticket)s)"
OPEN_PLATFORM = b"select org_id, credential_id from ctx.open_platform(%(ticket)s)"
TAKE_REQUESTS = b"select ctx.take_requests(%(ticket)s) as granted"
NOTE_USED = b"select ctx.note_used(%(ticket)s)"
WAKE = b"select jobs.wake(%(company_id)s, %(urgent)s)"
CLOCK = b"select extract(epoch from clock_timestamp())::float8 as now"
OPEN_JOB = b"select ctx.open_job(%(ticket)s) as org_id"
