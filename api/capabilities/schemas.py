"""Bodies of the capabilities' address."""

from typing import Literal

from api.http.schemas import Resource


class Features(Resource):
    """What can be done: the steps that a sequence may have, and the events that come of them.

    `lead_pause`: a lead that was handed over can be paused and resumed. `variants`: a step may have several texts, of
    which each person gets one. `unsubscribe`: a person can be taken out for good.
    """

    step_types: list[str]
    events: list[str]
    lead_pause: bool
    variants: bool
    inmail: bool
    reply: bool
    unsubscribe: bool
    warmup: bool


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
