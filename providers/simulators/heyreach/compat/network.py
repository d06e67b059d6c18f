"""Who is connected to which sender."""

from starlette.responses import Response

from providers.simulators.heyreach.leads import profiles
from providers.simulators.heyreach.requests import Call, Routes, answer, refusal
from providers.simulators.heyreach.senders import seats
from providers.simulators.heyreach.validation import Default, Required, text, whole

routes = Routes()


@routes.on(
    "POST",
    "/MyNetwork/GetMyNetworkForSender",
    body={
        "senderId": Required(whole("System.Int32")),
        "pageNumber": Default(whole("System.Int32", 0), None),
        "pageSize": Default(whole("System.Int32", 1, 100), 10),
    },
)
def list_network(call: Call) -> Response:
    """List a sender's connections; it counts pages where every other list counts rows."""
    seat = seats.seat_of(call, call.body["senderId"])
    first = int(call.options["first_network_page"])
    page, size = call.body["pageNumber"], call.body["pageSize"]
    rows = call.store.all(
        "select p.* from connections c join profiles p on p.id = c.profile_id where c.account_id = ? order by p.id",
        seat["id"],
    )
    start = max(0, (first if page is None else page) - first) * size
    return answer({"totalCount": len(rows), "items": [profiles.basic(row) for row in rows[start : start + size]]})


@routes.on(
    "POST",
    "/MyNetwork/IsConnection",
    body={"senderAccountId": Required(whole("System.Int32")), "leadProfileUrl": text(), "leadLinkedInId": text()},
)
def is_connection(call: Call) -> Response:
    """Say whether a sender and a person are connected."""
    url, member = call.body["leadProfileUrl"], call.body["leadLinkedInId"]
    if bool(url) == bool(member):
        raise refusal("Exactly one of leadProfileUrl and leadLinkedInId must be provided.")
    seat = seats.seat_of(call, call.body["senderAccountId"])
    person = profiles.find(call.store, call.workspace.id, url=url, member=member)
    connected = call.store.value(
        "select 1 from connections where account_id = ? and profile_id = ?", seat["id"], person["id"] if person else 0
    )
    return answer({"isConnection": bool(connected)})
