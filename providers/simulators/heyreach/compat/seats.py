"""Reading one LinkedIn account."""

from starlette.responses import Response

from providers.simulators.heyreach.requests import Call, Routes, answer
from providers.simulators.heyreach.senders.seats import seat_of, shown
from providers.simulators.heyreach.validation import Required, whole

routes = Routes()


@routes.on("GET", "/li_account/GetById", query={"accountId": Required(whole())})
def read(call: Call) -> Response:
    """Read one LinkedIn account."""
    return answer(shown(call, seat_of(call, call.query["accountId"])))
