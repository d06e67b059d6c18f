"""Everything that a worker does: the tasks, and the order in which a lane does the outside work of one account."""

from functools import partial

from api.campaigns.jobs import pause_campaigns, start_before_leads, start_campaigns, sync_campaigns
from api.connections.domain_jobs import check_domains
from api.connections.jobs import finish_closing, read_senders, take_webhooks_away
from api.conversations.jobs import read_threads, recover_replies, send_replies, settle_replies
from api.events.jobs import project_webhooks
from api.events.polling_jobs import poll_campaigns
from api.imports.jobs import import_lists
from api.leads.importing import PEOPLE
from api.leads.jobs import pause_leads, push_leads, recover_pushes, settle_pushes, stop_leads
from api.organizations.jobs import erase_tenant
from api.suppressions.block_list_jobs import sync_block_list
from api.suppressions.importing import ENTRIES
from api.suppressions.jobs import mark_suppressed
from api.worker.lanes import LaneStep, work_account

# First what may have been sent already, then stopping and pausing, then what a person waits for, then the rest.
LANE = (
    LaneStep(recover_replies, urgent=True),
    LaneStep(recover_pushes),
    LaneStep(stop_leads, urgent=True),
    LaneStep(pause_leads),
    LaneStep(pause_campaigns, urgent=True),
    LaneStep(send_replies, urgent=True),
    LaneStep(read_senders),
    LaneStep(sync_campaigns),
    LaneStep(settle_pushes),
    LaneStep(settle_replies),
    LaneStep(read_threads),
    LaneStep(stop_leads, urgent=True),  # again for those that settling has just found
    LaneStep(start_before_leads),
    LaneStep(push_leads),
    LaneStep(start_campaigns),
    LaneStep(poll_campaigns),
    LaneStep(sync_block_list),
    LaneStep(check_domains),
    LaneStep(take_webhooks_away),
    LaneStep(finish_closing),
)

# What is queued under each name; the due views of the subjects' SQL pages say when.
TASKS = {
    "account.work": partial(work_account, steps=LANE),
    "webhook.project": project_webhooks,
    "tenant.erase": erase_tenant,
    "suppression.mark": mark_suppressed,
    "list.import": partial(import_lists, kinds={"leads": PEOPLE, "suppressions": ENTRIES}),
}
