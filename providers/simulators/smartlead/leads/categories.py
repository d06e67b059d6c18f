"""Listing the lead categories."""

from starlette.responses import Response

from providers.simulators.smartlead.common.categories import CATEGORIES
from providers.simulators.smartlead.requests import Call, Routes, answer

routes = Routes()


@routes.on("GET", "/leads/fetch-categories")
def list_all(call: Call) -> Response:
    """List the categories."""
    del call
    return answer(CATEGORIES)
