"""All endpoints of the provider; the first that fits a path answers it."""

from providers.simulators.heyreach import (
    campaign_edit,
    campaigns,
    hooks,
    inbox,
    leads,
    leads_add,
    leads_in_campaign,
    lists,
    network,
    seats,
    stats,
)
from providers.simulators.heyreach.exchange import Route

TABLE: list[Route] = [
    route
    for module in (
        seats,
        campaigns,
        campaign_edit,
        leads_add,
        leads_in_campaign,
        lists,
        inbox,
        leads,
        stats,
        hooks,
        network,
    )
    for route in module.routes.table
]
