"""The first version of adding leads, which answers with one number."""

from starlette.responses import Response

from providers.simulators.heyreach.leads.add import BODY, QUIRKS, added
from providers.simulators.heyreach.requests import Call, Routes, answer

routes = Routes()


@routes.on("POST", "/campaign/AddLeadsToCampaign", body=BODY, quirks=QUIRKS)
def add_v1(call: Call) -> Response:
    """Add leads and return how many are new."""
    return answer(added(call).added)
