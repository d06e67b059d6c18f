"""Connecting a mailbox at Google or Microsoft: a session is opened, and as no person ever logs in, it runs out."""

from starlette.responses import Response

from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.requests import Call, Routes, answer
from providers.simulators.kit.store import Object

routes = Routes()

_SECONDS = 600


def _open(call: Call, provider: str) -> Response:
    identity = ids.random_id()
    session: Object = {"id": identity, "expires_at": call.store.clock.stamp(_SECONDS)}
    entities.create(call.store, call.workspace, "oauth", session)
    url = f"https://login.example/{provider}?state={identity}"
    return answer({"session_id": identity, "auth_url": url, "expires_at": session["expires_at"]})


@routes.on("POST", "/oauth/google/init")
def open_google(call: Call) -> Response:
    """Open a session at Google."""
    return _open(call, "google")


@routes.on("POST", "/oauth/microsoft/init")
def open_microsoft(call: Call) -> Response:
    """Open a session at Microsoft."""
    return _open(call, "microsoft")


@routes.on("GET", "/oauth/session/status/{sessionId}")
def read(call: Call) -> Response:
    """Tell how far a session is; an unknown one has run out too."""
    found = entities.find(call.store, call.workspace, "oauth", call.params["sessionId"])
    waiting = found is not None and found["expires_at"] > call.now
    return answer({"status": "pending" if waiting else "expired"})
