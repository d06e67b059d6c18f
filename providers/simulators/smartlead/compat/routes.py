"""The endpoints that no client of this product calls."""

from providers.simulators.smartlead.compat import (
    account_counts,
    activities,
    campaigns,
    clients,
    exports,
    figures_by_date,
    inbox,
    inbox_marks,
    lead_changes,
    lead_lists,
    lead_overviews,
    leads_all,
    leads_read,
    leads_statistics,
    list_pushes,
    mailbox_accounts,
    mailbox_messages,
    mailbox_tags,
    mailboxes,
    one_offs,
    overviews,
    subsequences,
    users,
    warmup,
    webhook_summary,
    webhooks,
)
from providers.simulators.smartlead.requests import Route

TABLE: list[Route] = [
    route
    for module in (
        account_counts,
        activities,
        campaigns,
        clients,
        exports,
        figures_by_date,
        inbox,
        inbox_marks,
        lead_changes,
        lead_lists,
        lead_overviews,
        leads_all,
        leads_read,
        leads_statistics,
        list_pushes,
        mailbox_accounts,
        mailbox_messages,
        mailbox_tags,
        mailboxes,
        one_offs,
        overviews,
        subsequences,
        users,
        warmup,
        webhook_summary,
        webhooks,
    )
    for route in module.routes.table
]
