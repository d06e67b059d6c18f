"""All endpoints of the provider; a path without an id comes before those that have one in its place."""

from providers.simulators.instantly import (
    account_actions,
    accounts,
    analytics,
    audit,
    block_list,
    campaign_reads,
    campaigns,
    email_writes,
    emails,
    groups,
    jobs,
    leads_add,
    leads_change,
    leads_move,
    leads_read,
    lists,
    members,
    oauth,
    placement,
    subsequences,
    tags,
    verification,
    webhook_events,
    webhooks,
    workspace_settings,
    workspaces,
)
from providers.simulators.instantly.exchange import Route

_ALL: list[Route] = [
    route
    for module in (
        campaigns,
        campaign_reads,
        analytics,
        subsequences,
        leads_add,
        leads_read,
        leads_change,
        leads_move,
        lists,
        block_list,
        accounts,
        account_actions,
        emails,
        email_writes,
        webhooks,
        webhook_events,
        jobs,
        tags,
        verification,
        workspaces,
        workspace_settings,
        members,
        groups,
        audit,
        oauth,
        placement,
    )
    for route in module.routes.table
]
TABLE = sorted(_ALL, key=lambda route: route.path.count("{"))
