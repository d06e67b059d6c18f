"""Access tokens for every server: real sessions, signed by the product's own keys."""

from collections.abc import Sequence
from uuid import UUID

from api.access.access_tokens import Session, Signer
from tests.bench.data import Probe
from tests.bench.ground import SQL, Ground


def open_sessions(ground: Ground, probes: Sequence[Probe], signer: Signer) -> dict[int, str]:
    """Open a session for each probe's user, as a login does, and return the access tokens by the probe's number."""
    tokens: dict[int, str] = {}
    with ground.connect() as conn:
        for probe in probes:
            ids = {"org_id": probe.org_id, "company_id": probe.company_id, "user_id": probe.user_id}
            row = conn.execute(SQL.open_session.sql, ids).fetchone()
            assert row is not None
            session = Session(UUID(str(row[0])), probe.org_id, probe.company_id, probe.user_id, "company_admin")
            tokens[probe.number] = signer.sign(session)
    return tokens
