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
from api.worker.lanes import POLLING, LaneStep, work_account

URGENT = 1.0  # may use up the whole hour's budget

# First what may have been sent already, then stopping and pausing, then what a person waits for, then the rest. A
# step is run when the due views of the subjects' SQL pages name it.
LANE = (
    LaneStep("recover_replies", recover_replies, URGENT),
    LaneStep("recover_pushes", recover_pushes),
    LaneStep("stop_leads", stop_leads, URGENT),
    LaneStep("pause_leads", pause_leads),
    LaneStep("pause_campaigns", pause_campaigns, URGENT),
    LaneStep("send_replies", send_replies, URGENT),
    LaneStep("read_senders", read_senders),
    LaneStep("sync_campaigns", sync_campaigns),
    LaneStep("settle_pushes", settle_pushes),
    LaneStep("settle_replies", settle_replies),
    LaneStep("read_threads", read_threads),
    LaneStep("stop_leads", stop_leads, URGENT),  # again for those that settling has just found
    LaneStep("start_campaigns", start_before_leads),
    LaneStep("push_leads", push_leads),
    LaneStep("start_campaigns", start_campaigns),
    LaneStep("poll_campaigns", poll_campaigns, POLLING),
    LaneStep("sync_block_list", sync_block_list),
    LaneStep("check_domains", check_domains),
    LaneStep("finish_closing", take_webhooks_away),
    LaneStep("finish_closing", finish_closing),
)

# What is queued under each name; the due views of the subjects' SQL pages say when.
TASKS = {
    "account.work": partial(work_account, steps=LANE),
    "webhook.project": project_webhooks,
    "tenant.erase": erase_tenant,
    "suppression.mark": mark_suppressed,
    "list.import": partial(import_lists, kinds={"leads": PEOPLE, "suppressions": ENTRIES}),
}
