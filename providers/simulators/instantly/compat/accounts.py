"""Reading, creating and changing email accounts."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.requests import Call, RefusedError, Routes, answer
from providers.simulators.instantly.senders import mailboxes
from providers.simulators.instantly.senders.listing import PROVIDERS
from providers.simulators.instantly.senders.mailboxes import address, shown
from providers.simulators.kit.store import Object

routes = Routes()

_WARMUP = validation.obj(
    {
        "limit": validation.number(),
        "increment": validation.text(among=("disabled", "0", "1", "2", "3", "4")),
        "reply_rate": validation.number(),
        "warmup_custom_ftag": validation.text(),
        "advanced": validation.obj(
            {
                **dict.fromkeys(("warm_ctd", "read_emulation", "weekday_only"), validation.boolean()),
                **dict.fromkeys(("open_rate", "important_rate", "spam_save_rate"), validation.number()),
            }
        ),
    }
)
_WRITABLE: validation.Fields = {
    "warmup": _WARMUP,
    "daily_limit": validation.number(null=True),
    "tracking_domain_name": validation.text(null=True),
    "tracking_domain_status": validation.text(null=True),
    "enable_slow_ramp": validation.boolean(null=True),
    "inbox_placement_test_limit": validation.number(least=0, null=True),
    "sending_gap": validation.number(least=0, most=1440),
    "signature": validation.text(null=True),
    "reply_to": validation.text(null=True),
    "skip_cname_check": validation.boolean(),
}
_SECRETS = ("imap_username", "imap_password", "imap_host", "smtp_username", "smtp_password", "smtp_host")
_NOT_SHOWN = {*_SECRETS, "imap_port", "smtp_port", "skip_cname_check", "warmup_custom_ftag"}


@routes.on(
    "POST",
    "/accounts",
    "accounts:create",
    body={
        "email": validation.Required(validation.text("email")),
        "first_name": validation.Required(validation.text()),
        "last_name": validation.Required(validation.text()),
        "provider_code": validation.Required(validation.number(among=PROVIDERS)),
        **dict.fromkeys(_SECRETS, validation.Required(validation.text())),
        **dict.fromkeys(("imap_port", "smtp_port"), validation.Required(validation.number())),
        **_WRITABLE,
        "warmup_custom_ftag": validation.text(),
    },
)
def create(call: Call) -> Response:
    """Connect a mailbox; its credentials are never shown again."""
    email = call.body["email"].lower()
    if entities.find(call.store, call.workspace, "account", email):
        raise RefusedError(400, "Email account already exists")
    fields = {name: value for name, value in call.body.items() if name not in _NOT_SHOWN}
    return answer(shown(mailboxes.keep(call.store, call.workspace, {**fields, "email": email}, call.now)))


def find(call: Call) -> Object:
    """Return the mailbox named in the path, or refuse."""
    return call.find("account", address(call.params["email"]))


@routes.on("GET", "/accounts/{email}", "accounts:read")
def read(call: Call) -> Response:
    """Read one mailbox."""
    return answer(shown(find(call)))


@routes.on(
    "PATCH",
    "/accounts/{email}",
    "accounts:update",
    body={
        **_WRITABLE,
        "first_name": validation.text(),
        "last_name": validation.text(),
        "remove_tracking_domain": validation.boolean(),
    },
)
def change(call: Call) -> Response:
    """Change a mailbox."""
    changes = {name: value for name, value in call.body.items() if name != "skip_cname_check"}
    if changes.pop("remove_tracking_domain", False):
        changes |= {"tracking_domain_name": None, "tracking_domain_status": None}
    found = find(call)
    if "warmup" in changes:
        changes["warmup"] = {**found.get("warmup", {}), **changes["warmup"]}
    return answer(shown(call.save("account", {**found, **changes, "timestamp_updated": call.now})))


@routes.on("DELETE", "/accounts/{email}", "accounts:delete")
def delete(call: Call) -> Response:
    """Disconnect a mailbox."""
    found = find(call)
    entities.delete(call.store, call.workspace, "account", found["email"])
    return answer(shown(found))
