"""Bodies of the capabilities' address."""

from typing import Literal

from api.schemas import Resource


class Capability(Resource):
    """What a company can use: `entitled` waits for a connection, `disconnected` lost it."""

    capability: str
    title: str
    status: Literal["entitled", "connected", "disconnected"]


class CapabilityList(Resource):
    """Everything a company is entitled to."""

    data: list[Capability]
    next_cursor: str | None
