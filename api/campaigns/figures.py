"""The body of a campaign's figures."""

from uuid import UUID

from api.http.schemas import Resource


class LeadCounts(Resource):
    """How many people are in the campaign, and how far they have come."""

    total: int
    pending: int
    sending: int
    pushed: int
    uncertain: int
    failed: int
    failed_by_reason: dict[str, int]
    suppressed: int


class MessageCounts(Resource):
    """How many messages were sent and what came of them."""

    sent: int
    opened: int
    clicked: int
    replied: int
    bounced: int


class RequestCounts(Resource):
    """How many people were invited to connect and how many accepted."""

    sent: int
    accepted: int


class CampaignStats(Resource):
    """A campaign in figures."""

    campaign_id: UUID
    leads: LeadCounts
    messages: MessageCounts
    connection_requests: RequestCounts
    unsubscribed: int
    interested: int
