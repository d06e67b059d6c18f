"""Bodies of the capabilities' address."""

from typing import Literal

from api.http.schemas import Resource


class Features(Resource):
    """What can be done: the steps that a sequence may have, and the events that come of them.

    `lead_pause`: a lead that was handed over can be paused and resumed. `variants`: a step may have several texts, of
    which each person gets one. `unsubscribe`: a person can be taken out for good.
    `track_opens`, `track_clicks`, `plain_text` and `stop_domain_on_reply` are settings of a campaign that have effect.
    `unsubscribe_header`: whose address mail programs are given to unsubscribe, this product's or that of who sends.
    `lead_fields`: how many values of variables are kept of each person, null where there is no such limit.
    """

    step_types: list[str]
    events: list[str]
    lead_pause: bool
    variants: bool
    inmail: bool
    reply: bool
    unsubscribe: bool
    warmup: bool
    track_opens: bool
    track_clicks: bool
    plain_text: bool
    stop_domain_on_reply: bool
    unsubscribe_header: Literal["ours", "theirs", "none"]
    lead_fields: int | None


class Capability(Resource):
    """What a company can use: `entitled` waits for a connection, `disconnected` lost it."""

    capability: str
    title: str
    status: Literal["entitled", "connected", "disconnected"]
    features: Features | None


class CapabilityList(Resource):
    """Everything a company is entitled to."""

    data: list[Capability]
    next_cursor: str | None
