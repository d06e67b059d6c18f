"""Creating, changing, starting and stopping campaigns."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.campaigns import rules
from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.requests import Call, RefusedError, Routes, thing
from providers.simulators.kit.store import Object

routes = Routes()

DRAFT, ACTIVE, PAUSED = 0, 1, 2


@routes.on(
    "POST",
    "/campaigns",
    "campaigns:create",
    body={
        **rules.WRITABLE,
        "name": validation.Required(validation.text()),
        "campaign_schedule": validation.Required(rules.SCHEDULE),
        "ai_sdr_id": validation.text("uuid", null=True),
    },
)
def create(call: Call) -> Response:
    """Create a draft."""
    _check_senders(call)
    return thing(keep(call, rules.written(call.body)))


def keep(call: Call, fields: Object) -> Object:
    """Add a campaign as a draft."""
    campaign: Object = {
        "open_tracking": False,
        **fields,
        "id": ids.random_id(),
        "status": DRAFT,
        "timestamp_created": call.now,
        "timestamp_updated": call.now,
        "organization": call.workspace,
    }
    return entities.create(call.store, call.workspace, "campaign", campaign, name=campaign["name"])


def _check_senders(call: Call) -> None:
    wanted: list[str] = call.body.get("email_list") or []
    for email in wanted:
        if entities.find(call.store, call.workspace, "account", email.lower()) is None:
            raise RefusedError(400, f"Account not found or not eligible for sending: {email}")


@routes.on("GET", "/campaigns/{id}", "campaigns:read")
def read(call: Call) -> Response:
    """Read one campaign."""
    return thing(call.find("campaign"))


@routes.on("PATCH", "/campaigns/{id}", "campaigns:update", body=rules.WRITABLE)
def change(call: Call) -> Response:
    """Change a campaign; lists are replaced as a whole."""
    found = call.find("campaign")
    _check_senders(call)
    changed = {**found, **rules.written(call.body), "timestamp_updated": call.now}
    return thing(call.save("campaign", changed, name=changed["name"]))


def put_status(call: Call, campaign: Object, status: int) -> Object:
    """Move a campaign to another status."""
    changed = {**campaign, "status": status, "not_sending_status": None, "timestamp_updated": call.now}
    return call.save("campaign", changed)


@routes.on("POST", "/campaigns/{id}/activate", "campaigns:update")
def activate(call: Call) -> Response:
    """Start or resume a campaign, also one without senders or leads."""
    return thing(put_status(call, call.find("campaign"), ACTIVE))


@routes.on("POST", "/campaigns/{id}/pause", "campaigns:update")
def pause(call: Call) -> Response:
    """Pause a campaign."""
    return thing(put_status(call, call.find("campaign"), PAUSED))
