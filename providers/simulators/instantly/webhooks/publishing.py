"""From an event to the outbox: which subscriptions hear of it, and the flat body each is sent."""

import json

from providers.simulators.instantly.common import entities
from providers.simulators.instantly.enrolment import Enrolment
from providers.simulators.instantly.state import options
from providers.simulators.instantly.webhooks.subscriptions import ACTIVE
from providers.simulators.kit.outbox import Letter, post
from providers.simulators.kit.store import Object, Store

# A subscription's name where the body's differs.
_SUBSCRIBED_AS = {"link_clicked": "email_link_clicked"}


def body_of(store: Store, who: Enrolment, event: str, **more: object) -> Object:
    """Return an event's body: its own fields first, then the lead's variables, which may overwrite them.

    A field given as `...` is left out.
    """
    base: Object = {
        "timestamp": store.clock.stamp(),
        "event_type": event,
        "workspace": who.workspace,
        "campaign_id": who.campaign["id"],
        "unibox_url": None,
        "campaign_name": who.campaign["name"],
        "email_account": who.mailbox,
        "lead_email": who.lead["email"],
        "email": who.lead["email"],
        **more,
    }
    return {**{name: value for name, value in base.items() if value is not ...}, **who.variables}


def publish(store: Store, campaign: Object, body: Object, *, interest: int | None = None) -> Object:
    """Queue a body for every active subscription that hears of it, and return it."""
    chosen = options(store)
    workspace, event = campaign["organization"], str(body["event_type"])
    name = _SUBSCRIBED_AS.get(event, event)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    for hook in entities.every(store, workspace, "webhook"):
        if hook["status"] == ACTIVE and hook.get("campaign") in (None, campaign["id"]) and _hears(hook, name, interest):
            email = body.get("lead_email")
            post(store, chosen, Letter(hook["id"], hook["target_hook_url"], event, email, text))
    return body


def _hears(hook: Object, name: str, interest: int | None) -> bool:
    if hook.get("event_type"):
        return hook["event_type"] in ("all_events", name)
    wanted = hook.get("custom_interest_value")
    return wanted is not None and wanted == interest
