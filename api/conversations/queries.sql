-- name: get_conversation :one
-- One conversation as the API shows it.
select
  outbound.conversation_document(
    v.id, v.company_id, v.campaign_id, v.lead_id, v.read, v.last_message_at, v.created_at, v.updated_at
  )::text as body
from outbound.conversations as v
where v.id = %(id)s and v.deleted_at is null;

-- name: list_conversations :one
-- A page of conversations, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    v.id,
    outbound.conversation_document(
      v.id, v.company_id, v.campaign_id, v.lead_id, v.read, v.last_message_at, v.created_at, v.updated_at
    ) as document
  from outbound.conversations as v
  where
    v.deleted_at is null
    and (%(company_id)s::uuid is null or v.company_id = %(company_id)s::uuid)
    and (%(campaign_id)s::uuid is null or v.campaign_id = %(campaign_id)s::uuid)
    and (%(lead_id)s::uuid is null or v.lead_id = %(lead_id)s::uuid)
    and (%(read)s::boolean is null or v.read = %(read)s::boolean)
    and (%(before)s::uuid is null or v.id < %(before)s::uuid)
  order by v.id desc
  limit %(page_size)s + 1
) as p;

-- name: lock_conversation :one
-- One conversation, locked until the transaction ends, and whether the person may be written to.
select
  v.id,
  v.company_id,
  not exists (
    select from outbound.campaign_leads as e
    where
      e.company_id = v.company_id and e.campaign_id = v.campaign_id and e.lead_id = v.lead_id and e.deleted_at is null
      and (e.status = 'unsubscribed' or e.push_state = 'suppressed' or e.stop_reason in ('suppressed', 'unsubscribed'))
  ) and not exists (
    select
    from outbound.leads as l
    cross join lateral
      outbound.suppressed_among(l.company_id, array_remove(array[l.email_key, l.linkedin_key], null)) as s
    where l.company_id = v.company_id and l.id = v.lead_id
  ) as may_write,
  exists(
    select from outbound.campaigns as c
    inner join outbound.entitlements as t
      on c.org_id = t.org_id and c.company_id = t.company_id and c.capability = t.capability
    where
      c.company_id = v.company_id and c.id = v.campaign_id and t.status = 'connected' and t.deleted_at is null
  ) as connected,
  outbound.conversation_document(
    v.id, v.company_id, v.campaign_id, v.lead_id, v.read, v.last_message_at, v.created_at, v.updated_at
  )::text as body
from outbound.conversations as v
where v.id = %(id)s and v.deleted_at is null
for no key update of v;

-- name: set_read :exec
-- Marks a conversation as read or unread.
update outbound.conversations as v
set read = %(read)s
where v.id = %(id)s;

-- name: queue_reply :one
-- Writes down an answer that is to be sent.
insert into outbound.messages as m (company_id, conversation_id, direction, state, text)
values (%(company_id)s, %(id)s, 'outgoing', 'queued', %(text)s)
returning m.id;

-- name: get_message :one
-- One message as the API shows it.
select
  outbound.message_document(
    m.id, m.conversation_id, m.direction, m.state, m.reason, m.subject, m.text, m.html, m.sent_at, m.created_at,
    m.updated_at
  )::text as body
from outbound.messages as m
where m.id = %(id)s and m.deleted_at is null;

-- name: list_messages :one
-- A page of a conversation's messages, newest first; no row where there is no such conversation.
select
  (
    select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s)
    from (
      select
        m.id,
        outbound.message_document(
          m.id, m.conversation_id, m.direction, m.state, m.reason, m.subject, m.text, m.html, m.sent_at, m.created_at,
          m.updated_at
        ) as document
      from outbound.messages as m
      where
        m.company_id = v.company_id and m.conversation_id = v.id and m.deleted_at is null
        and (%(before)s::uuid is null or m.id < %(before)s::uuid)
      order by m.id desc
      limit %(page_size)s + 1
    ) as p
  ) as body
from outbound.conversations as v
where v.id = %(conversation_id)s and v.deleted_at is null;
