"""What every webhook payload is made of."""

from dataclasses import dataclass

from providers.simulators.kit.store import Object
from providers.simulators.smartlead.enrolment import Enrolment

APP = "https://app.smartlead.ai/app"


@dataclass(frozen=True)
class Fact:
    """Something that happened, in both dialects, before a webhook's own fields are added."""

    event_type: str
    email: str
    live: Object
    minimal: Object
    link: str
    description: str


def inbox_link(map_id: object) -> str:
    """Return the app's address of a conversation."""
    return f"{APP}/master-inbox?leadMap={map_id}"


def ids(who: Enrolment) -> Object:
    """Return the lead's two ids; their types differ."""
    return {"sl_email_lead_id": str(who.lead["id"]), "sl_email_lead_map_id": who.link["id"]}


def about(who: Enrolment) -> Object:
    """Return the campaign's state and owner."""
    return {"campaign_status": who.campaign["status"], "client_id": who.campaign["client_id"]}


def parties(who: Enrolment) -> Object:
    """Return the sender and the recipient of a message."""
    return {"from_email": who.sender, "to_email": who.email, "to_name": who.full_name}
