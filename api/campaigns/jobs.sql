-- name: campaigns_to_sync :many
-- Started campaigns of an account whose wishes are not yet carried out, oldest change first.
select
  c.id,
  c.company_id,
  c.revision,
  k.id as connection_id
from outbound.connections as k
inner join outbound.campaigns as c
  on k.org_id = c.org_id and k.company_id = c.company_id and k.capability = c.capability
where
  k.account_id = %(account_id)s and k.status = 'connected' and k.deleted_at is null
  and k.closing_at is null and c.status in ('active', 'paused') and c.revision <> c.synced_revision
  and c.sync_error is null and c.deleted_at is null
order by c.updated_at
limit 20;

-- name: wanted :one
-- All that should stand at the provider for one campaign, and what stands there already.
select
  c.id,
  c.company_id,
  c.revision,
  c.managed,
  c.name,
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
  c.stop_domain_on_reply,
  b.external_id,
  b.create_attempted_at,
  b.remote_status,
  coalesce(b.parts, '{}'::jsonb) as parts,
  extract(epoch from clock_timestamp() - b.create_attempted_at)::float8 as create_age,
  k.hook_token,
  (
    select coalesce(jsonb_agg(outbound.step_document(s) order by s.position), '[]'::jsonb)
    from outbound.sequence_steps as s
    where s.company_id = c.company_id and s.campaign_id = c.id and s.deleted_at is null
  ) as steps,
  (
    select coalesce(jsonb_agg(sb.external_id order by sb.external_id), '[]'::jsonb)
    from outbound.campaign_senders as cs
    inner join outbound.sender_bindings as sb
      on cs.org_id = sb.org_id and cs.company_id = sb.company_id and cs.sender_id = sb.sender_id
    where cs.company_id = c.company_id and cs.campaign_id = c.id and sb.connection_id = k.id
  ) as senders
from outbound.campaigns as c
inner join outbound.connections as k on c.company_id = k.company_id and k.id = %(connection_id)s
left join outbound.campaign_bindings as b on c.company_id = b.company_id and c.id = b.campaign_id
where c.id = %(id)s and c.deleted_at is null;

-- name: note_create_attempt :exec
-- Records, before the provider is called, that a campaign is about to be created there.
insert into outbound.campaign_bindings as b (company_id, campaign_id, connection_id, create_attempted_at)
values (%(company_id)s, %(id)s, %(connection_id)s, clock_timestamp())
on conflict (org_id, company_id, campaign_id)
do update set create_attempted_at = excluded.create_attempted_at;

-- name: note_created :exec
-- Binds the campaign to the provider's.
update outbound.campaign_bindings as b
set external_id = %(external_id)s
where b.company_id = %(company_id)s and b.campaign_id = %(id)s;

-- name: note_part :exec
-- Remembers what stands at the provider of one part.
update outbound.campaign_bindings as b
set parts = b.parts || jsonb_build_object(%(part)s::text, %(digest)s::text)
where b.company_id = %(company_id)s and b.campaign_id = %(id)s;

-- name: note_remote_status :exec
-- Remembers whether the provider is sending; what has begun to is polled for the first time after `every` seconds.
update outbound.campaign_bindings as b
set
  remote_status = %(remote_status)s,
  poll_at = case
    when b.poll_at is null and %(remote_status)s = 'active'
      then now() + make_interval(secs => case when %(every)s::float8 > 0 then %(every)s::float8 else 86400 end)
    else b.poll_at
  end
where b.company_id = %(company_id)s and b.campaign_id = %(id)s;

-- name: note_synced :exec
-- Everything of this revision stands at the provider; a newer one keeps the campaign due.
update outbound.campaigns as c
set synced_revision = greatest(c.synced_revision, %(revision)s)
where c.id = %(id)s;

-- name: note_sync_error :exec
-- The provider refused for good; the next change of the campaign tries again.
update outbound.campaigns as c
set sync_error = %(reason)s
where c.id = %(id)s and c.revision = %(revision)s;

-- name: campaigns_to_switch :many
-- Campaigns that should be sending and are not, once every lead that waits has been handed over; and the reverse.
select
  c.id,
  c.company_id,
  c.revision,
  b.external_id
from outbound.connections as k
inner join outbound.campaign_bindings as b on k.company_id = b.company_id and k.id = b.connection_id
inner join outbound.campaigns as c on b.company_id = c.company_id and b.campaign_id = c.id
where
  k.account_id = %(account_id)s and k.status = 'connected' and k.deleted_at is null
  and b.external_id is not null and c.deleted_at is null
  -- What an archived campaign was refused before does not keep it from being paused.
  and (c.sync_error is null or (c.status = 'archived' and c.sync_error <> 'pause_refused'))
  and (c.status = 'active') = %(active)s
  and (
    (c.status <> 'active' and b.remote_status = 'active')
    or (
      c.status = 'active' and b.remote_status <> 'active' and c.revision = c.synced_revision
      and (
        %(at_once)s
        or outbound.is_handed_over(c.org_id, c.company_id, c.id)
      )
    )
  )
order by c.status desc, c.id asc
limit 20;
