"""Reading one webhook."""

from starlette.responses import Response

from providers.simulators.heyreach.requests import Call, Routes, answer
from providers.simulators.heyreach.webhooks.subscriptions import WEBHOOK_ID, find, shown

routes = Routes()


@routes.on("GET", "/webhooks/GetWebhookById", query=WEBHOOK_ID)
def read(call: Call) -> Response:
    """Read one webhook."""
    return answer(shown(find(call)))
