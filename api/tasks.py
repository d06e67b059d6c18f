"""Everything that a worker does: importing this registers the lane steps and tasks of every domain."""

from api.campaigns import jobs as campaigns
from api.companies import jobs as companies
from api.connections import jobs as connections
from api.conversations import jobs as conversations
from api.events import jobs as events
from api.events.polling import jobs as polling
from api.leads import jobs as leads

MODULES = (campaigns, companies, connections, conversations, events, polling, leads)
