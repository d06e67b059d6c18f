"""All endpoints of the provider; a path without an id comes before those that have one in its place."""

from providers.simulators.instantly.campaigns import campaigns
from providers.simulators.instantly.campaigns import listing as campaigns_listing
from providers.simulators.instantly.compat.routes import TABLE as COMPAT
from providers.simulators.instantly.figures import statistics
from providers.simulators.instantly.inbox import emails, replies
from providers.simulators.instantly.leads import add, block_list, change, read
from providers.simulators.instantly.requests import Route
from providers.simulators.instantly.senders import listing as senders_listing
from providers.simulators.instantly.webhooks import subscriptions
from providers.simulators.kit.routing import ordered

_OWN: list[Route] = [
    route
    for module in (
        campaigns,
        campaigns_listing,
        add,
        block_list,
        change,
        read,
        emails,
        replies,
        senders_listing,
        statistics,
        subscriptions,
    )
    for route in module.routes.table
]
TABLE = ordered([*_OWN, *COMPAT])
