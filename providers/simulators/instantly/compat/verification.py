"""Checking one address; what is found depends on the address alone."""

import hashlib

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.requests import Call, Routes, answer
from providers.simulators.instantly.senders import mailboxes
from providers.simulators.kit.store import Object

routes = Routes()


def _found(email: str) -> Object:
    drawn = hashlib.sha256(email.encode()).digest()
    good = "@" in email and drawn[0] >= 8
    return {
        "status": "success",
        "email": email,
        "verification_status": "verified" if good else "invalid",
        "catch_all": good and drawn[1] < 40,
        "credits": 10_000,
        "credits_used": 1,
    }


@routes.on(
    "POST",
    "/email-verification",
    "email_verifications:create",
    body={"email": validation.Required(validation.text()), "webhook_url": validation.text()},
)
def verify(call: Call) -> Response:
    """Check an address at once."""
    return answer(_found(mailboxes.address(call.body["email"])))


@routes.on("GET", "/email-verification/{email}", "email_verifications:read")
def read(call: Call) -> Response:
    """Return what a check found."""
    return answer(_found(mailboxes.address(call.params["email"])))
