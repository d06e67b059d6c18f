-- name: delete_campaign :exec
-- Throws a draft away, and who was to be in it.
with gone as (
  update outbound.campaign_leads as e
  set deleted_at = transaction_timestamp()
  where e.company_id = %(company_id)s and e.campaign_id = %(id)s and e.deleted_at is null
)

update outbound.campaigns as c
set deleted_at = transaction_timestamp()
where c.id = %(id)s;

-- name: archive_campaign :exec
-- Ends a campaign for good; a lane pauses it at the provider.
update outbound.campaigns as c
set
  status = 'archived',
  pause_reason = null,
  revision = c.revision + 1,
  sync_error = null
where c.id = %(id)s;

-- name: clone_campaign :one
-- Adds a draft that is like another campaign.
insert into outbound.campaigns as n (
  company_id, name, capability, timezone, send_days, send_from, send_until, minutes_between_sends,
  max_new_leads_per_day, track_opens, track_clicks, plain_text, unsubscribe, rest_days, skip_if_in_other_campaign,
  stop_domain_on_reply, metadata
)
select
  c.company_id,
  coalesce(%(name)s, left('Copy of ' || c.name, 200)),
  c.capability,
  c.timezone,
  c.send_days,
  c.send_from,
  c.send_until,
  c.minutes_between_sends,
  c.max_new_leads_per_day,
  c.track_opens,
  c.track_clicks,
  c.plain_text,
  c.unsubscribe,
  c.rest_days,
  c.skip_if_in_other_campaign,
  c.stop_domain_on_reply,
  c.metadata
from outbound.campaigns as c
where c.id = %(id)s and c.deleted_at is null
returning n.id;

-- name: clone_steps :exec
-- Copies what a campaign says.
insert into outbound.sequence_steps (company_id, campaign_id, position, type, delay_days, format, subject, body)
select
  s.company_id,
  %(clone)s,
  s.position,
  s.type,
  s.delay_days,
  s.format,
  s.subject,
  s.body
from outbound.sequence_steps as s
where s.company_id = %(company_id)s and s.campaign_id = %(id)s and s.deleted_at is null;

-- name: clone_senders :exec
-- Copies the senders of a campaign, as far as they are still the company's.
insert into outbound.campaign_senders (company_id, campaign_id, sender_id)
select
  cs.company_id,
  %(clone)s,
  cs.sender_id
from outbound.campaign_senders as cs
inner join outbound.senders as s
  on cs.org_id = s.org_id and cs.company_id = s.company_id and cs.sender_id = s.id
where cs.company_id = %(company_id)s and cs.campaign_id = %(id)s and s.deleted_at is null;
