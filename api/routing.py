"""Who may not even ask is told so before anything of the request is read."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from fastapi.security.utils import get_authorization_scheme_param

from api.crypto import token_tier
from api.errors import NotFound, Unauthorized

PARTNER = "/partner/"


def claimed_tier(request: Request) -> str | None:
    """Return the tier that the request's token claims by its form, or None."""
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    return token_tier(token) if scheme.lower() == "bearer" else None


class Guarded(APIRoute):
    """A route that looks at the token before the body: a broken body tells a stranger nothing."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with the guard before it."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            tier = claimed_tier(request)
            if tier is None:
                raise Unauthorized()
            if tier != "org" and request.url.path.startswith(PARTNER):
                raise NotFound()
            return await handler(request)

        return guarded
