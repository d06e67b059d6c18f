"""Email accounts as they are kept, and which of them a campaign may send from."""

from urllib.parse import unquote

from providers.simulators.instantly.common import entities
from providers.simulators.kit.store import Object, Store

_PEOPLE = ((1, "Ana", "Silva"), (2, "Ben", "Okoro"), (3, "Chloe", "Martin"))
ACTIVE = 1


def open_three(store: Store, workspace: str, domain: str, at: str) -> None:
    """Give a new workspace its three mailboxes."""
    for place, (provider, first, last) in enumerate(_PEOPLE):
        fields: Object = {
            "email": f"{first.lower()}.{last.lower()}@{domain}",
            "first_name": first,
            "last_name": last,
            "provider_code": provider,
            "daily_limit": 50 - 10 * place,
            "warmup": {"limit": 20 + place},
        }
        keep(store, workspace, fields, at)


def keep(store: Store, workspace: str, fields: Object, at: str) -> Object:
    """Keep a new mailbox."""
    whole: Object = {
        "id": fields["email"],
        "timestamp_created": at,
        "timestamp_updated": at,
        "organization": workspace,
        "warmup_status": 0,
        "setup_pending": False,
        "is_managed_account": False,
        "status": ACTIVE,
        "stat_warmup_score": 0,
        **fields,
    }
    return entities.create(store, workspace, "account", whole, name=fields["email"])


def shown(account: Object) -> Object:
    """Return a mailbox as single reads show it; its key is the address, it has no id."""
    return {name: value for name, value in entities.shown(account).items() if name != "id"}


def address(text: str) -> str:
    """Return the address a path holds."""
    return unquote(text).strip().lower()


def senders(store: Store, workspace: str, campaign: Object) -> list[str]:
    """Return the addresses a campaign may send from: named, or tagged, and in order."""
    listed: list[str] = campaign.get("email_list") or []
    named = [one.lower() for one in listed]
    tags = set(campaign.get("email_tag_list") or [])
    if tags:
        links = entities.every(store, workspace, "tag_link")
        tagged = [link["resource_id"] for link in links if link["tag_id"] in tags and link["resource_type"] == 1]
        named += [one for one in tagged if one not in named]
    found = [entities.find(store, workspace, "account", one) for one in named]
    return [account["email"] for account in found if account and account["status"] == ACTIVE]
