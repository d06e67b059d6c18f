"""Bodies of the capabilities' address."""

from api.schemas import Resource


class Capability(Resource):
    """What a company can use: `entitled` waits for a connection, `disconnected` lost it."""

    capability: str
    title: str
    status: str


class CapabilityList(Resource):
    """Everything a company is entitled to."""

    data: list[Capability]
    next_cursor: str | None
