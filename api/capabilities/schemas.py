"""Bodies of the capabilities' address."""

from typing import Literal

from api.schemas import Resource


class Features(Resource):
    """What can be done: the steps that a sequence may have, and the events that come of them."""

    step_types: list[str]
    events: list[str]


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
