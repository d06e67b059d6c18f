-- name: recover_replies :exec
-- What this lane was sending when it last ended may have arrived: look for it, and never send it again.
update outbound.messages as m
set
  state = 'uncertain',
  ask_at = clock_timestamp() + make_interval(secs => %(ask_after)s)
from outbound.conversations as v
inner join outbound.connections as k
  on v.org_id = k.org_id and v.company_id = k.company_id and v.connection_id = k.id
where
  k.account_id = %(account_id)s and k.deleted_at is null
  and m.org_id = v.org_id and m.company_id = v.company_id and m.conversation_id = v.id
  and m.state = 'sending' and m.deleted_at is null;

-- name: place :one
-- Where a conversation is at its provider: the campaign, the person, and from what the company may write. On a shared
-- account a sender may have come from another company: with when it did, as far as clocks agree.
select
  b.external_id as campaign,
  lb.external_id as lead,
  case k.capability when 'linkedin_outreach' then l.linkedin_key else l.email_key end as address,
  (
    select
      coalesce(
        jsonb_object_agg(
          sb.external_id, case when a.shared_at is not null then sb.created_at - interval '2 minutes' end
        ),
        '{}'::jsonb
      )
    from outbound.sender_bindings as sb
    inner join outbound.provider_accounts as a on k.org_id = a.org_id and k.account_id = a.id
    where sb.company_id = k.company_id and sb.connection_id = k.id
  ) as senders
from outbound.conversations as v
inner join outbound.connections as k
  on v.org_id = k.org_id and v.company_id = k.company_id and v.connection_id = k.id
inner join outbound.campaign_bindings as b
  on v.org_id = b.org_id and v.company_id = b.company_id and v.campaign_id = b.campaign_id
inner join outbound.campaign_leads as e
  on v.org_id = e.org_id and v.company_id = e.company_id and v.campaign_id = e.campaign_id and v.lead_id = e.lead_id
inner join outbound.leads as l on e.org_id = l.org_id and e.company_id = l.company_id and e.lead_id = l.id
left join outbound.lead_bindings as lb
  on e.org_id = lb.org_id and e.company_id = lb.company_id and e.id = lb.campaign_lead_id
where
  v.company_id = %(company_id)s and v.id = %(conversation_id)s
  and b.external_id is not null and e.deleted_at is null;

-- name: claim_reply :one
-- Moves the oldest answer that waits to `sending`, under an attempt id of this run. A trigger fails it instead where the
-- person must not be contacted any more. For a tenant that is closed nothing is sent.
with due as (
  select
    m.org_id,
    m.id
  from outbound.connections as k
  inner join outbound.companies as c on k.org_id = c.org_id and k.company_id = c.id
  inner join outbound.organizations as o on k.org_id = o.id
  inner join outbound.conversations as v
    on k.org_id = v.org_id and k.company_id = v.company_id and k.id = v.connection_id
  inner join outbound.messages as m
    on v.org_id = m.org_id and v.company_id = m.company_id and v.id = m.conversation_id
  where
    k.account_id = %(account_id)s and k.status = 'connected' and k.closing_at is null and k.deleted_at is null
    and c.status = 'active' and o.status = 'active'
    and m.state = 'queued' and (m.ask_at is null or m.ask_at <= clock_timestamp())
    and m.deleted_at is null and v.deleted_at is null
  order by m.id
  limit 1
  for update of m skip locked
)

update outbound.messages as m
set
  state = 'sending',
  attempt_id = %(attempt_id)s,
  attempted_at = clock_timestamp(),
  ask_at = null
from due
where m.org_id = due.org_id and m.id = due.id
returning m.id, m.company_id, m.conversation_id, m.state, m.attempt_id, m.text;

-- name: note_reply :exec
-- Writes what became of an answer, only where the attempt is still the row's own; what was sent has its thread read.
with noted as (
  update outbound.messages as m
  set
    state = %(state)s,
    reason = %(reason)s,
    attempt_id = case when %(state)s = 'queued' then null else m.attempt_id end,
    external_id = coalesce(%(external_id)s::text, m.external_id),
    sent_at = case when %(state)s = 'sent' then coalesce(%(sent_at)s::timestamptz, clock_timestamp()) end,
    -- When to look for it, or to send it. Looked for in vain: again after as long as it has been, so twice as late.
    ask_at = case
      when %(state)s in ('uncertain', 'queued')
        then
          clock_timestamp()
          + coalesce(make_interval(secs => %(ask_after)s::float8), clock_timestamp() - m.attempted_at)
    end
  where
    m.company_id = %(company_id)s and m.id = %(id)s and m.attempt_id = %(attempt_id)s
    and m.state in ('sending', 'uncertain')
  returning m.company_id, m.conversation_id, m.state
)

update outbound.conversations as v
set
  last_message_at = greatest(v.last_message_at, now()),
  read_at_provider = now() + interval '1 minute'
from noted as n
where v.company_id = n.company_id and v.id = n.conversation_id and n.state = 'sent';

-- name: uncertain_replies :many
-- Answers that may have been sent and are to be looked for now. After a day they are given up.
select
  m.id,
  m.company_id,
  m.conversation_id,
  m.attempt_id,
  m.attempted_at,
  m.text,
  m.attempted_at < now() - interval '1 day' as given_up
from outbound.connections as k
inner join outbound.conversations as v
  on k.org_id = v.org_id and k.company_id = v.company_id and k.id = v.connection_id
inner join outbound.messages as m
  on v.org_id = m.org_id and v.company_id = m.company_id and v.id = m.conversation_id
where
  k.account_id = %(account_id)s and k.status = 'connected' and k.deleted_at is null
  and m.state = 'uncertain' and m.ask_at <= clock_timestamp() and m.deleted_at is null
order by m.ask_at
limit 20;

-- name: threads_to_read :many
-- Conversations of an account in which something has happened.
select
  v.id as conversation_id,
  v.company_id,
  v.read_at_provider
from outbound.connections as k
inner join outbound.conversations as v
  on k.org_id = v.org_id and k.company_id = v.company_id and k.id = v.connection_id
where
  k.account_id = %(account_id)s and k.status = 'connected' and k.deleted_at is null
  and v.read_at_provider <= now() and v.deleted_at is null
order by v.read_at_provider
limit 20;

-- name: read_later :exec
-- A thread could not be read just now.
update outbound.conversations as v
set read_at_provider = now() + make_interval(secs => %(seconds)s)
where v.company_id = %(company_id)s and v.id = %(conversation_id)s;

-- name: own_replies :many
-- The answers of a conversation that were sent from here and are not known by a name yet, the oldest first.
select
  m.id,
  m.external_id,
  m.attempted_at,
  m.text
from outbound.messages as m
where
  m.company_id = %(company_id)s and m.conversation_id = %(conversation_id)s and m.direction = 'outgoing'
  and m.state in ('sent', 'uncertain') and m.attempt_id is not null and m.deleted_at is null
order by m.id;

-- name: known_messages :many
-- What is known of a conversation already, by the provider's names.
select m.external_id
from outbound.messages as m
where
  m.company_id = %(company_id)s and m.conversation_id = %(conversation_id)s
  and m.external_id is not null and m.deleted_at is null;

-- name: own_texts :many
-- The texts of a campaign's steps, whose links and words are its own, and what stands in the person's variables.
select
  st.body,
  true as is_step
from outbound.conversations as v
inner join outbound.sequence_steps as st
  on v.org_id = st.org_id and v.company_id = st.company_id and v.campaign_id = st.campaign_id
where v.company_id = %(company_id)s and v.id = %(conversation_id)s
union all
select
  x.value as body,
  false as is_step
from outbound.conversations as v
inner join outbound.leads as l on v.org_id = l.org_id and v.company_id = l.company_id and v.lead_id = l.id
cross join lateral (
  values (l.first_name), (l.last_name), (l.company_name), (l.email)
  union all
  select c.value from jsonb_each_text(l.custom) as c
) as x (value)
where v.company_id = %(company_id)s and v.id = %(conversation_id)s and x.value is not null;

-- name: store_thread :exec
-- Keeps what a thread holds: each message once. What has an id is an answer of ours, and is sent. What is from before
-- the person was handed over is not this company's: on a shared account the same seat may have spoken for another.
with said as (
  select
    r.id,
    r.external_id,
    r.direction,
    r.subject,
    r.text,
    r.html,
    r.quoted,
    r.sent_at,
    r.place
  from jsonb_to_recordset(%(messages)s::jsonb) as r (
    place integer, id uuid, external_id text, direction text, subject text, text text, html text, quoted text,
    sent_at timestamptz
  )
  where r.id is not null or r.sent_at is null or not exists (
    select
    from outbound.conversations as v
    inner join outbound.campaign_leads as e
      on v.org_id = e.org_id and v.company_id = e.company_id and v.campaign_id = e.campaign_id and v.lead_id = e.lead_id
    where
      v.company_id = %(company_id)s and v.id = %(conversation_id)s and e.deleted_at is null
      and r.sent_at < e.push_attempted_at - interval '2 minutes'
  )
),

ours as (
  update outbound.messages as m
  set
    state = 'sent',
    external_id = s.external_id,
    subject = s.subject,
    sent_at = coalesce(s.sent_at, m.sent_at)
  from said as s
  where
    m.company_id = %(company_id)s and m.id = s.id
    and (m.external_id is null or m.state <> 'sent')
),

theirs as (
  insert into outbound.messages as m (
    company_id, conversation_id, direction, state, subject, text, html, quoted, external_id, sent_at
  )
  select
    %(company_id)s,
    %(conversation_id)s,
    s.direction,
    case s.direction when 'incoming' then 'received' else 'sent' end,
    s.subject,
    s.text,
    s.html,
    s.quoted,
    s.external_id,
    s.sent_at
  from said as s
  where s.id is null
  order by s.place
  on conflict (org_id, company_id, conversation_id, external_id)
  where external_id is not null and deleted_at is null do nothing
)

-- What has come in while the thread was being read has it read again.
update outbound.conversations as v
set
  read_at_provider = case when v.read_at_provider is distinct from %(read_at_provider)s then v.read_at_provider end,
  last_message_at = greatest(v.last_message_at, (select max(s.sent_at) from said as s))
where v.company_id = %(company_id)s and v.id = %(conversation_id)s;
