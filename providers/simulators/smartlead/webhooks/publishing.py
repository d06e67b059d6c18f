"""From a fact to the outbox: which webhooks hear of it and what each is sent."""

import hashlib
import hmac
import json
import uuid
from typing import Any

from providers.simulators.kit.outbox import Letter, post
from providers.simulators.kit.store import Object, Row, Store
from providers.simulators.smartlead.state import options
from providers.simulators.smartlead.webhooks.facts import Fact

_UNHOOKED: Object = {"id": None, "name": None, "webhook_url": None, "created_at": None}


def publish(store: Store, campaign: Row, fact: Fact, *, category: str | None = None) -> Object:
    """Put the fact into the outbox for every webhook that hears of it and return the first body."""
    chosen = options(store)
    heard = [hook for hook in _listeners(store, campaign, fact.event_type) if _wants(hook, category)]
    account = store.one("select secret_key from accounts where id = ?", campaign["account_id"])
    secret = account["secret_key"] if account else None
    bodies = [_body(fact, secret, hook, chosen["dialect"]) for hook in heard]
    for hook, body in zip(heard, bodies, strict=True):
        _post(store, hook, fact, body, chosen)
    return bodies[0] if bodies else _body(fact, secret, _UNHOOKED, chosen["dialect"])


def _listeners(store: Store, campaign: Row, event_type: str) -> list[Row]:
    hooks = store.all(
        "select * from webhooks where account_id = ? and (level = 'user'"
        " or (level = 'client' and client_id = ?) or (level = 'campaign' and campaign_id = ?)) order by id",
        campaign["account_id"],
        campaign["client_id"],
        campaign["id"],
    )
    hearing = [hook for hook in hooks if event_type in json.loads(hook["event_types"])]
    # A wider hook silences the narrower ones for the same event.
    for level in ("user", "client", "campaign"):
        found = [hook for hook in hearing if hook["level"] == level]
        if found:
            return found
    return []


def _wants(hook: Row, category: str | None) -> bool:
    wanted = json.loads(hook["categories"])
    return category is None or not wanted or category in wanted


def _body(fact: Fact, secret: str | None, hook: Any, dialect: str) -> Object:
    if dialect == "minimal":
        return {**fact.minimal, "event_type": fact.event_type}
    inbox = {"ui_master_inbox_link": fact.link} if "master-inbox" in fact.link else {}
    return {
        **fact.live,
        "secret_key": secret,
        "app_url": fact.link,
        **inbox,
        "description": fact.description,
        "metadata": {"webhook_created_at": hook["created_at"]},
        "webhook_url": hook["webhook_url"],
        "webhook_id": hook["id"],
        "webhook_name": hook["name"],
        "event_type": fact.event_type,
    }


def _post(store: Store, hook: Row, fact: Fact, body: Object, chosen: Object) -> None:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    letter = Letter(hook["id"], hook["webhook_url"], fact.event_type, fact.email, text, level=hook["level"])
    post(store, chosen, letter)


def headers(store: Store, row: Row, content: bytes) -> dict[str, str]:
    """Return the headers of a delivery: a signature only if the webhook has one."""
    sent_with = {"User-Agent": "smartlead-simulator"}
    secret = options(store)["sign_secret"]
    if secret:
        digest = hmac.new(str(secret).encode(), content, hashlib.sha256).hexdigest()
        sent_with["X-Smartlead-Signature"] = f"sha256={digest}"
        sent_with["X-Request-Id"] = str(uuid.uuid4())
        sent_with["X-Webhook-Level"] = row["level"]
    return sent_with
