"""Figures as every document shows them, under the names that dashboards read."""

from api.http.schemas import Resource


class Figures(Resource):
    """How often what happened. `sent` are messages; `interested` are answers that were judged positive."""

    sent: int
    opened: int
    clicked: int
    replied: int
    auto_replied: int
    bounced: int
    unsubscribed: int
    interested: int
    connection_requests_sent: int
    connection_requests_accepted: int
