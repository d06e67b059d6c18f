"""All endpoints of the provider; the first that fits a path answers it."""

from providers.simulators.smartlead import (
    block_list,
    campaign_settings,
    campaigns,
    categories,
    exports,
    figures,
    inbox,
    lead_changes,
    leads_add,
    leads_read,
    mailbox_use,
    mailboxes,
    replies,
    sequences,
    users,
    webhooks,
)
from providers.simulators.smartlead.exchange import Route

TABLE: list[Route] = [
    route
    for module in (
        campaigns,
        campaign_settings,
        sequences,
        categories,
        block_list,
        leads_add,
        leads_read,
        lead_changes,
        exports,
        figures,
        mailboxes,
        mailbox_use,
        inbox,
        replies,
        webhooks,
        users,
    )
    for route in module.routes.table
]
