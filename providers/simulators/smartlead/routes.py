"""All endpoints of the provider; a path without an id comes before those that have one in its place."""

from providers.simulators.kit.routing import ordered
from providers.simulators.smartlead.campaigns import campaigns, sequences, settings
from providers.simulators.smartlead.compat.routes import TABLE as COMPAT
from providers.simulators.smartlead.figures import statistics
from providers.simulators.smartlead.inbox import conversations, history, replies
from providers.simulators.smartlead.leads import add, block_list, categories, change, read
from providers.simulators.smartlead.requests import Route
from providers.simulators.smartlead.senders import mailboxes, of_campaign
from providers.simulators.smartlead.webhooks import subscriptions

_OWN: list[Route] = [
    route
    for module in (
        campaigns,
        sequences,
        settings,
        add,
        block_list,
        categories,
        change,
        read,
        conversations,
        history,
        replies,
        mailboxes,
        of_campaign,
        statistics,
        subscriptions,
    )
    for route in module.routes.table
]
TABLE = ordered([*_OWN, *COMPAT])
