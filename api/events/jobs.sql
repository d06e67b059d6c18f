-- name: waiting_webhooks :many
-- The oldest webhooks of a connection that no worker has read yet, locked until the transaction ends.
select
  w.id,
  w.company_id,
  w.body,
  w.received_at,
  k.provider
from outbound.inbound_webhooks as w
inner join outbound.connections as k on w.company_id = k.company_id and w.connection_id = k.id
where w.connection_id = %(connection_id)s and w.state = 'received'
order by w.id
limit %(batch)s
for update of w;

-- name: lock_do_not_contact :exec
-- Takes the do-not-contact locks before any enrolment is touched.
select outbound.lock_do_not_contact_ahead();

-- name: resolve :many
-- For each fact of a batch: our campaign, person and enrolment, as far as this connection knows them.
with f as materialized (
  select r.*
  from jsonb_to_recordset(%(facts)s::jsonb) as r (
    n integer, campaign text, lead text, email_key text, linkedin_key text, sender text, sent_from text
  )
)

select
  f.n,
  b.campaign_id,
  found.lead_id,
  found.enrolment_id,
  coalesce(sb.sender_id, own.sender_id) as sender_id,
  -- Where facts come by seat and person rather than by campaign, what is from before is another company's.
  case
    when k.capability = 'linkedin_outreach'
      then greatest(found.handed_over_at, case when a.shared_at is not null then sb.created_at end)
  end as handed_over_at
from f
inner join outbound.connections as k on k.company_id = %(company_id)s and k.id = %(connection_id)s
inner join outbound.provider_accounts as a on k.org_id = a.org_id and k.account_id = a.id
left join outbound.sender_bindings as sb
  on k.org_id = sb.org_id and k.company_id = sb.company_id and k.id = sb.connection_id and f.sender = sb.external_id
left join lateral (
  select s.id as sender_id
  from outbound.senders as s
  inner join outbound.sender_bindings as ab
    on s.org_id = ab.org_id and s.company_id = ab.company_id and s.id = ab.sender_id
  where
    s.company_id = k.company_id and s.address_key = f.sent_from and s.deleted_at is null
    and ab.connection_id = k.id
  order by s.id
  limit 1
) as own on true
left join outbound.campaign_bindings as b
  on b.company_id = %(company_id)s and b.connection_id = %(connection_id)s and f.campaign = b.external_id
-- The person first, by the key, then their place in the campaign: `offset 0` keeps Postgres from going through the
-- campaign instead, which it takes for a small one where its statistics are old.
left join lateral (
  select
    e.lead_id,
    e.id as enrolment_id,
    e.push_attempted_at as handed_over_at
  from (
    select u.*
    from (
      select
        l.id as lead_id,
        null::uuid as enrolment_id,
        0 as preference
      from outbound.leads as l
      where l.company_id = b.company_id and l.linkedin_key = f.linkedin_key and l.deleted_at is null
      union all
      select
        l.id,
        null,
        1
      from outbound.leads as l
      where l.company_id = b.company_id and l.email_key = f.email_key and l.deleted_at is null
      union all
      select
        null,
        lb.campaign_lead_id,
        2
      from outbound.lead_bindings as lb
      where lb.company_id = b.company_id and lb.external_id = f.lead
    ) as u
    offset 0
  ) as p
  cross join lateral (
    select u.*
    from (
      select c.*
      from outbound.campaign_leads as c
      where c.company_id = b.company_id and c.lead_id = p.lead_id and c.deleted_at is null
      union all
      select c.*
      from outbound.campaign_leads as c
      where c.company_id = b.company_id and c.id = p.enrolment_id and c.deleted_at is null
    ) as u
    offset 0
  ) as e
  where e.campaign_id = b.campaign_id
  order by p.preference
  limit 1
) as found on true;

-- name: own_mailboxes :many
-- Which of these addresses are the organization's own senders'.
select s.address_key as address
from outbound.senders as s
where s.address_key = any(%(addresses)s) and s.deleted_at is null;

-- name: lock_connection :exec
-- Serialises the recording of a connection's facts. Its row will not do: closing a tenant locks that after the counter.
select pg_advisory_xact_lock(hashtextextended('facts:' || %(connection_id)s::text, 0));

-- name: fresh_facts :many
-- Which facts of a batch have not been written down yet, each once.
with given as (
  select
    r.n,
    r.type,
    r.event_key,
    r.alias,
    r.campaign_id,
    r.lead_id,
    r.enrolment_id,
    r.data,
    r.once,
    r.after
  from jsonb_to_recordset(%(facts)s::jsonb) as r (
    n integer, type text, event_key text, alias text, campaign_id uuid, lead_id uuid, enrolment_id uuid, data jsonb,
    once boolean, after text
  )
)

select distinct on (g.event_key) g.n
from given as g
where
  not exists (
    select from outbound.events as v
    where
      v.company_id = %(company_id)s and v.connection_id = %(connection_id)s
      and v.event_key in (g.event_key, g.alias)
    offset 0
  )
  -- What is known of the person already, again by their key alone. A body that can only give the alias may come after one
  -- that named the fact better.
  and not exists (
    select
    from (
      select v.*
      from outbound.events as v
      where v.company_id = %(company_id)s and v.lead_id = g.lead_id
      offset 0
    ) as k
    where
      k.campaign_id = g.campaign_id and k.type = g.type
      and (
        g.once
        or (
          g.alias is not distinct from g.event_key and k.connection_id = %(connection_id)s
          and k.data ->> 'step' = g.data ->> 'step'
        )
      )
    offset 0
  )
  -- A lead that we stopped shows in return as unsubscribed, which by webhook counts unless the address is suppressed, or
  -- as not interested.
  and not exists (
    select
    from (
      select c.*
      from outbound.campaign_leads as c
      where c.company_id = %(company_id)s and c.id = g.enrolment_id
      offset 0
    ) as e
    where case g.type
      when 'lead.labelled'
        then e.stop_reason in ('bounced', 'replied', 'removed') and g.data ->> 'label' = 'not_interested'
      when 'lead.unsubscribed'
        then e.stop_reason in ('suppressed', 'unsubscribed') and (g.once or exists (
          select
          from outbound.leads as l
          cross join unnest(array[l.email_key, l.domain_key, l.linkedin_key]) as k (key)
          inner join outbound.suppressions as s on k.key = s.value_key
          where
            l.company_id = e.company_id and l.id = e.lead_id
            and s.company_id = e.company_id and s.deleted_at is null
          offset 0
        ))
    end
    offset 0
  )
  and (
    g.after is null
    or exists (
      select
      from (
        select v.*
        from outbound.events as v
        where v.company_id = %(company_id)s and v.lead_id = g.lead_id
        offset 0
      ) as k
      where k.campaign_id = g.campaign_id and k.type = g.after
      offset 0
    )
    or exists (
      select from given as o
      where o.lead_id = g.lead_id and o.campaign_id = g.campaign_id and o.type = g.after
    )
  )
order by g.event_key, g.n;

-- name: insert_events :exec
-- Writes down facts, all of them new, and numbers them as late as possible.
with given as materialized (
  select
    r.n,
    r.type,
    r.event_key,
    r.campaign_id,
    r.lead_id,
    r.sender_id,
    r.data,
    r.occurred_at
  from jsonb_to_recordset(%(facts)s::jsonb) as r (
    n integer, type text, event_key text, campaign_id uuid, lead_id uuid, sender_id uuid, data jsonb,
    occurred_at timestamptz
  )
),

-- Of its own, so that it is called once and not per row.
taken as materialized (
  select outbound.take_seq(%(company_id)s, counted.amount) as base
  from (select count(*) as amount from given) as counted
  where counted.amount > 0
)

insert into outbound.events as v (
  company_id, sequence, type, connection_id, event_key, campaign_id, lead_id, sender_id, data, occurred_at
)
select
  %(company_id)s,
  taken.base + row_number() over (order by g.n),
  g.type,
  %(connection_id)s,
  g.event_key,
  g.campaign_id,
  g.lead_id,
  -- Who answers, opens or bounces was written to by the sender of what was sent last.
  coalesce(g.sender_id, (
    select k.sender_id
    from (
      select v.*
      from outbound.events as v
      where v.company_id = %(company_id)s and v.lead_id = g.lead_id
      offset 0
    ) as k
    where k.campaign_id = g.campaign_id and k.sender_id is not null
    order by k.sequence desc
    limit 1
  )),
  g.data,
  g.occurred_at
from given as g
cross join taken
order by g.n;

-- name: texts_of :many
-- The texts of campaigns' steps, with the links in them.
select
  st.campaign_id,
  st.body
from outbound.sequence_steps as st
where st.company_id = %(company_id)s and st.campaign_id = any(%(campaigns)s);

-- name: close_webhook :exec
-- Notes what became of a webhook.
update outbound.inbound_webhooks as w
set
  state = case when %(reason)s::text is null then 'projected' else 'quarantined' end,
  reason = %(reason)s,
  projector_version = %(version)s
where w.company_id = %(company_id)s and w.id = %(id)s;
