"""A lead inside a campaign, with everything a message to it needs."""

import json
import re
from dataclasses import dataclass
from html import unescape

from providers.simulators.kit.store import Object, Row, Store

_TAG = re.compile(r"\{\{\s*([\w .-]+?)\s*\}\}")
_PLACE = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Enrolment:
    """One lead in one campaign; `link` is the row that joins them."""

    account: Row
    campaign: Row
    lead: Row
    link: Row
    mailbox: Row

    @property
    def email(self) -> str:
        """Return the lead's address."""
        return self.lead["email"]

    @property
    def full_name(self) -> str:
        """Return the lead's first and last name."""
        return " ".join(part for part in (self.lead["first_name"], self.lead["last_name"]) if part)

    @property
    def sender(self) -> str:
        """Return the address of the mailbox that writes to the lead."""
        return self.mailbox["from_email"]

    @property
    def stop_rule(self) -> str:
        """Return what the campaign stops a lead for."""
        return json.loads(self.campaign["fields"])["stop_lead_settings"]

    def is_untracked(self, what: str) -> bool:
        """Return whether the campaign does not track this, by the word that is read back."""
        return what in (json.loads(self.campaign["fields"]).get("track_settings") or [])


def enrolment(store: Store, map_id: int) -> Enrolment | None:
    """Return the lead of this campaign-lead row as it stands, if there is one."""
    link = store.one("select * from campaign_leads where id = ?", map_id)
    if link is None:
        return None
    account = store.one("select * from accounts where id = ?", link["account_id"])
    campaign = store.one("select * from campaigns where id = ? and deleted_at is null", link["campaign_id"])
    lead = store.one("select * from leads where id = ?", link["lead_id"])
    mailbox = _mailbox(store, link)
    if account is None or campaign is None or lead is None or mailbox is None:
        return None
    return Enrolment(account, campaign, lead, link, mailbox)


def _mailbox(store: Store, link: Row) -> Row | None:
    if link["email_account_id"] is not None:
        return store.one("select * from email_accounts where id = ?", link["email_account_id"])
    attached = store.all(
        "select a.* from campaign_email_accounts c join email_accounts a on a.id = c.email_account_id"
        " where c.campaign_id = ? order by a.id",
        link["campaign_id"],
    )
    if attached:
        return attached[int(link["id"]) % len(attached)]
    return store.one("select * from email_accounts where account_id = ? order by id", link["account_id"])


def personal(template: str, lead: Row) -> str:
    """Fill a template's merge tags from the lead's fields and custom fields."""
    known: Object = {**json.loads(lead["custom_fields"]), **dict(lead)}
    return _TAG.sub(lambda tag: str(known.get(tag[1]) or ""), template)


def plain(html: str) -> str:
    """Return the words of an HTML body."""
    return unescape(" ".join(_PLACE.sub(" ", html).split()))


def history(store: Store, map_id: int, since: str = "") -> list[Row]:
    """Return the messages exchanged with a lead in a campaign, oldest first."""
    return store.all("select * from messages where map_id = ? and time > ? order by time, id", map_id, since)
