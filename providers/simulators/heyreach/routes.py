"""All endpoints of the provider; a path without an id comes before those that have one in its place."""

from providers.simulators.heyreach.campaigns import campaigns, edit
from providers.simulators.heyreach.compat.routes import TABLE as COMPAT
from providers.simulators.heyreach.figures import statistics
from providers.simulators.heyreach.inbox import conversations
from providers.simulators.heyreach.leads import add, in_campaign, leads, lists
from providers.simulators.heyreach.requests import Route
from providers.simulators.heyreach.senders import seats
from providers.simulators.heyreach.webhooks import subscriptions
from providers.simulators.kit.routing import ordered

_OWN: list[Route] = [
    route
    for module in (
        campaigns,
        edit,
        add,
        in_campaign,
        leads,
        lists,
        conversations,
        seats,
        statistics,
        subscriptions,
    )
    for route in module.routes.table
]
TABLE = ordered([*_OWN, *COMPAT])
