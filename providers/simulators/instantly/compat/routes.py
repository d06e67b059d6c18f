"""The endpoints that no client of this product calls."""

from providers.simulators.instantly.compat import (
    account_actions,
    accounts,
    audit_log,
    block_list,
    campaign_reads,
    campaigns,
    email_writes,
    emails,
    groups,
    jobs,
    leads_change,
    leads_create,
    leads_move,
    lists,
    members,
    oauth,
    placement,
    statistics,
    subsequences,
    tags,
    verification,
    webhook_events,
    webhooks,
    workspace_settings,
    workspaces,
)
from providers.simulators.instantly.requests import Route

TABLE: list[Route] = [
    route
    for module in (
        account_actions,
        accounts,
        audit_log,
        block_list,
        campaign_reads,
        campaigns,
        email_writes,
        emails,
        groups,
        jobs,
        leads_change,
        leads_create,
        leads_move,
        lists,
        members,
        oauth,
        placement,
        statistics,
        subsequences,
        tags,
        verification,
        webhook_events,
        webhooks,
        workspace_settings,
        workspaces,
    )
    for route in module.routes.table
]
