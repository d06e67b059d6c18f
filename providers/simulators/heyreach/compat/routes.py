"""The endpoints that no client of this product calls."""

from providers.simulators.heyreach.compat import (
    campaign_edit,
    inbox,
    leads_add_v1,
    lists,
    network,
    seats,
    statistics,
    tags,
    webhooks,
)
from providers.simulators.heyreach.requests import Route

TABLE: list[Route] = [
    route
    for module in (
        campaign_edit,
        inbox,
        leads_add_v1,
        lists,
        network,
        seats,
        statistics,
        tags,
        webhooks,
    )
    for route in module.routes.table
]
