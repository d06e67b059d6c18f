-- name: get_campaign :one
-- One campaign as the API shows it.
select
  outbound.campaign_document(
    c,
    exists (
      select from outbound.campaign_leads as e
      where
        e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
        and e.push_state in ('pending', 'sending', 'uncertain') and e.status <> 'paused' and e.deleted_at is null
    ),
    exists (
      select from outbound.campaign_leads as e
      where
        e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
        and e.push_state = 'failed' and e.deleted_at is null
    )
  )::text as body
from outbound.campaigns as c
where c.id = %(id)s and c.deleted_at is null;

-- name: list_campaigns :one
-- A page of campaigns, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    c.id,
    outbound.campaign_document(
      c,
      exists (
        select from outbound.campaign_leads as e
        where
          e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
          and e.push_state in ('pending', 'sending', 'uncertain') and e.status <> 'paused' and e.deleted_at is null
      ),
      exists (
        select from outbound.campaign_leads as e
        where
          e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
          and e.push_state = 'failed' and e.deleted_at is null
      )
    ) as document
  from outbound.campaigns as c
  where
    c.deleted_at is null
    and (%(company_id)s::uuid is null or c.company_id = %(company_id)s::uuid)
    and (%(status)s::text is null or c.status = %(status)s::text)
    and c.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  order by c.id desc
  limit %(page_size)s + 1
) as p;

-- name: create_campaign :one
-- Adds a draft.
insert into outbound.campaigns as c (
  company_id, name, capability, timezone, send_days, send_from, send_until, minutes_between_sends,
  max_new_leads_per_day, track_opens, track_clicks, plain_text, unsubscribe, rest_days, skip_if_in_other_campaign,
  stop_domain_on_reply, metadata
)
values (
  %(company_id)s, %(name)s, %(capability)s, %(timezone)s, %(send_days)s, %(send_from)s::time, %(send_until)s::time,
  %(minutes_between_sends)s, %(max_new_leads_per_day)s, %(track_opens)s, %(track_clicks)s, %(plain_text)s,
  %(unsubscribe)s, %(rest_days)s, %(skip_if_in_other_campaign)s, %(stop_domain_on_reply)s, %(metadata)s::jsonb
)
returning c.id;

-- name: update_campaign :exec
-- Changes what is given; everything that stands at the provider is looked at again.
update outbound.campaigns as c
set
  name = coalesce(%(name)s, c.name),
  timezone = coalesce(%(timezone)s, c.timezone),
  send_days = coalesce(%(send_days)s, c.send_days),
  send_from = coalesce(%(send_from)s::time, c.send_from),
  send_until = coalesce(%(send_until)s::time, c.send_until),
  minutes_between_sends = coalesce(%(minutes_between_sends)s, c.minutes_between_sends),
  max_new_leads_per_day = coalesce(%(max_new_leads_per_day)s, c.max_new_leads_per_day),
  track_opens = coalesce(%(track_opens)s, c.track_opens),
  track_clicks = coalesce(%(track_clicks)s, c.track_clicks),
  plain_text = coalesce(%(plain_text)s, c.plain_text),
  unsubscribe = coalesce(%(unsubscribe)s, c.unsubscribe),
  rest_days = coalesce(%(rest_days)s, c.rest_days),
  skip_if_in_other_campaign = coalesce(%(skip_if_in_other_campaign)s, c.skip_if_in_other_campaign),
  stop_domain_on_reply = coalesce(%(stop_domain_on_reply)s, c.stop_domain_on_reply),
  revision = c.revision + 1,
  sync_error = null
where c.id = %(id)s and c.deleted_at is null;

-- name: update_metadata :exec
-- Merges the caller's own keys; one that is given as null goes. Nothing outside changes by it.
update outbound.campaigns as c
set metadata = jsonb_strip_nulls(c.metadata || %(metadata)s::jsonb)
where c.id = %(id)s and c.deleted_at is null;

-- name: lock_campaign :one
-- A campaign's state; its row is locked until the transaction ends.
select
  c.id,
  c.company_id,
  c.capability,
  c.status,
  c.managed,
  c.sync_error,
  c.timezone,
  c.send_from,
  c.send_until
from outbound.campaigns as c
where c.id = %(id)s and c.deleted_at is null
for no key update;

-- name: limits :one
-- What holds for a company's campaigns: the only time zones that there are, and whether they may lack a way to unsubscribe.
select
  nullif(outbound.timezones_of(c.id, %(capability)s), '{}'::text[]) as timezones,
  c.may_omit_unsubscribe
from outbound.companies as c
where c.id = coalesce(%(company_id)s::uuid, (select ctx.company_id())) and c.deleted_at is null;

-- name: touch_campaign :exec
-- Notes that what should stand at the provider has changed.
update outbound.campaigns as c
set
  revision = c.revision + 1,
  sync_error = null
where c.id = %(id)s;

-- name: put_sequence :exec
-- Makes the steps exactly these. A step keeps its id as long as its position lasts.
with given as (
  select
    r.position,
    r.type,
    r.delay_days,
    r.format,
    r.subject,
    r.body
  from jsonb_to_recordset(%(steps)s::jsonb) as r (
    position integer, type text, delay_days integer, format text, subject text, body text
  )
),

dropped as (
  update outbound.sequence_steps as s
  set deleted_at = transaction_timestamp()
  where
    s.company_id = %(company_id)s and s.campaign_id = %(id)s and s.deleted_at is null
    and s.position > (select max(given.position) from given)
)

insert into outbound.sequence_steps as s (company_id, campaign_id, position, type, delay_days, format, subject, body)
select
  %(company_id)s,
  %(id)s,
  given.position,
  given.type,
  given.delay_days,
  given.format,
  given.subject,
  given.body
from given
on conflict (org_id, company_id, campaign_id, position) where deleted_at is null
do update set
type = excluded.type, delay_days = excluded.delay_days, format = excluded.format, subject = excluded.subject, body = excluded.body;

-- name: has_handed_over :one
-- Whether any lead of a campaign has been handed over, or may have been.
select
  exists(
    select from outbound.campaign_leads as e
    where
      e.company_id = %(company_id)s and e.campaign_id = %(id)s and e.deleted_at is null
      and e.push_state in ('sending', 'uncertain', 'pushed')
  ) as has_handed_over;

-- name: steps :many
-- What a campaign says, in order.
select outbound.step_document(s) as step
from outbound.sequence_steps as s
where s.company_id = %(company_id)s and s.campaign_id = %(id)s and s.deleted_at is null
order by s.position;

-- name: get_sequence :one
-- A campaign's steps in order; no row when there is no such campaign.
select
  json_build_object(
    'steps', coalesce(
      (
        select json_agg(outbound.step_document(s) order by s.position)
        from outbound.sequence_steps as s
        where s.company_id = c.company_id and s.campaign_id = c.id and s.deleted_at is null
      ),
      '[]'::json
    )
  )::text as body
from outbound.campaigns as c
where c.id = %(id)s and c.deleted_at is null;

-- name: count_senders :one
-- How many of these senders the campaign's company has for its capability.
select count(*) as known
from outbound.senders as s
where
  s.company_id = %(company_id)s and s.capability = %(capability)s and s.deleted_at is null
  and s.id = any(%(sender_ids)s);

-- name: put_senders :exec
-- Makes the campaign's senders exactly these.
with dropped as (
  delete from outbound.campaign_senders as cs
  where cs.company_id = %(company_id)s and cs.campaign_id = %(id)s and cs.sender_id <> all(%(sender_ids)s)
)

insert into outbound.campaign_senders (company_id, campaign_id, sender_id)
select
  %(company_id)s,
  %(id)s,
  given.sender_id
from unnest(%(sender_ids)s) as given (sender_id)
on conflict (org_id, company_id, campaign_id, sender_id) do nothing;

-- name: get_senders :one
-- The ids of a campaign's senders; no row when there is no such campaign.
select
  json_build_object(
    'sender_ids', coalesce(
      (
        select json_agg(cs.sender_id order by cs.sender_id)
        from outbound.campaign_senders as cs
        inner join outbound.senders as s
          on cs.org_id = s.org_id and cs.company_id = s.company_id and cs.sender_id = s.id
        where cs.company_id = c.company_id and cs.campaign_id = c.id and s.deleted_at is null
      ),
      '[]'::json
    )
  )::text as body
from outbound.campaigns as c
where c.id = %(id)s and c.deleted_at is null;

-- name: readiness :one
-- What a campaign has of what it needs before it can start.
select
  exists(
    select from outbound.sequence_steps as s
    where s.company_id = %(company_id)s and s.campaign_id = %(id)s and s.deleted_at is null
  ) as sequence,
  exists(
    select from outbound.campaign_senders as cs
    inner join outbound.senders as s
      on cs.org_id = s.org_id and cs.company_id = s.company_id and cs.sender_id = s.id
    where
      cs.company_id = %(company_id)s and cs.campaign_id = %(id)s
      and s.status = 'active' and s.deleted_at is null
  ) as senders,
  exists(
    select from outbound.campaign_leads as e
    where
      e.company_id = %(company_id)s and e.campaign_id = %(id)s and e.deleted_at is null
      and e.push_state not in ('failed', 'suppressed')
  ) as leads,
  exists(
    select from outbound.entitlements as t
    where
      t.company_id = %(company_id)s and t.capability = %(capability)s
      and t.status = 'connected' and t.deleted_at is null
  ) as connection;

-- name: set_status :exec
-- Starts or pauses a campaign.
update outbound.campaigns as c
set
  status = %(status)s,
  pause_reason = null,
  started_at = coalesce(c.started_at, now()),
  revision = c.revision + 1,
  sync_error = null
where c.id = %(id)s;

-- name: record_event :exec
-- Writes one event of our own making, numbered as late as possible.
insert into outbound.events (company_id, sequence, type, campaign_id, occurred_at)
select
  %(company_id)s,
  outbound.take_seq(%(company_id)s, 1) + 1,
  %(type)s,
  %(id)s,
  now();
