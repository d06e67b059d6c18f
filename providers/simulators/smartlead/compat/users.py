"""The owner of an api key."""

from starlette.responses import Response

from providers.simulators.smartlead.requests import Call, Routes, answer

routes = Routes()


@routes.on("GET", "/users/get-by-api-key")
def read(call: Call) -> Response:
    """Return the user the key belongs to."""
    return answer({"id": call.account.id, "name": call.account.name, "email": call.account.email})
