-- name: suppress :exec
-- Puts people on the company's list, which takes them out of everything else. Of two reasons, unsubscribing counts. Who
-- unsubscribes is listed under all names there are, who has no address by the profile alone.
with gone as (
  select
    g.lead_id,
    max(g.source) as source
  from jsonb_to_recordset(%(gone)s::jsonb) as g (lead_id uuid, source text)
  group by g.lead_id
)

insert into outbound.suppressions as s (company_id, kind, value, value_key, source)
select distinct on (n.key)
  l.company_id,
  n.kind,
  n.value,
  n.key,
  gone.source
from gone
cross join lateral (
  select p.*
  from outbound.leads as p
  where p.company_id = %(company_id)s and p.id = gone.lead_id
  offset 0
) as l
cross join
  lateral (values ('email', l.email, l.email_key), ('linkedin_url', l.linkedin_url, l.linkedin_key)) as n (kind, value, key)
where n.key is not null and (n.kind = 'email' or gone.source = 'unsubscribed')
order by n.key asc, gone.source desc
on conflict (org_id, company_id, value_key) where deleted_at is null
do update set source = excluded.source where s.source <> 'unsubscribed' and excluded.source = 'unsubscribed';

-- name: move_enrolment :exec
-- Moves a person on by what happened. A state that ends things is never left: unsubscribed, then bounced, then replied.
update outbound.campaign_leads as e
set
  last_event_at = greatest(e.last_event_at, %(occurred_at)s),
  status = case
    when %(rank)s > case e.status
      when 'unsubscribed' then 4 when 'bounced' then 3 when 'replied' then 2 when 'stopped' then 1
      when 'completed' then 1 when 'paused' then 1 when 'active' then 1 else 0
    end
      then (array['active', 'replied', 'bounced', 'unsubscribed'])[%(rank)s]
    else e.status
  end
where e.company_id = %(company_id)s and e.id = %(enrolment_id)s;

-- name: stop_elsewhere :exec
-- A person who replied gets nothing more from the company's other campaigns, in any channel.
update outbound.campaign_leads as e
set
  status = 'stopped',
  push_state = case when e.push_state = 'pending' then 'suppressed' else e.push_state end,
  push_reason = case when e.push_state = 'pending' then 'replied' else e.push_reason end,
  stop_state = case when e.push_state in ('sending', 'uncertain', 'pushed') then 'due' else e.stop_state end,
  stop_reason = case when e.push_state in ('sending', 'uncertain', 'pushed') then 'replied' else e.stop_reason end
where
  e.company_id = %(company_id)s and e.lead_id = %(lead_id)s and e.id <> all(%(replied_in)s)
  and e.status in ('queued', 'active', 'paused') and e.deleted_at is null;

-- name: note_conversations :exec
-- Has the threads of people who replied fetched, and marks them as unread.
insert into outbound.conversations as v (
  company_id, connection_id, campaign_id, lead_id, last_message_at, read_at_provider
)
select
  %(company_id)s,
  %(connection_id)s,
  r.campaign_id,
  r.lead_id,
  max(r.occurred_at),
  now()
from jsonb_to_recordset(%(facts)s::jsonb) as r (
  type text, campaign_id uuid, lead_id uuid, occurred_at timestamptz
)
where r.type = 'message.replied'
group by r.campaign_id, r.lead_id
on conflict (org_id, company_id, campaign_id, lead_id) where deleted_at is null
do update set
  last_message_at = greatest(v.last_message_at, excluded.last_message_at),
  read = false,
  read_at_provider = now();

-- name: rest :exec
-- Has a person rest until the day on which they said they are back, where they can be paused.
update outbound.campaign_leads as e
set
  status = 'paused',
  rests_until = greatest(e.rests_until, %(until)s::date),
  pause_state = case when e.push_state = 'pending' then e.pause_state else 'pause' end
where
  e.company_id = %(company_id)s and e.lead_id = %(lead_id)s and e.deleted_at is null
  and %(until)s::date > (now() at time zone 'UTC')::date and %(until)s::date < (now() at time zone 'UTC')::date + 366
  and e.stop_state is null
  and (e.status in ('queued', 'active') or (e.status = 'paused' and e.rests_until < %(until)s::date))
  and (
    e.push_state = 'pending'
    or (
      e.push_state in ('sending', 'uncertain', 'pushed')
      and exists (
        select from outbound.campaign_bindings as b
        inner join outbound.connections as k on b.company_id = k.company_id and b.connection_id = k.id
        inner join outbound.providers as p on k.provider = p.key
        where
          b.company_id = e.company_id and b.campaign_id = e.campaign_id and k.deleted_at is null
          and (p.features ->> 'lead_pause')::boolean
      )
    )
  );
