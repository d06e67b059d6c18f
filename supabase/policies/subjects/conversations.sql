-- Conversations and their messages: what people and a campaign's senders write to each other.

-- The arrows of an answer: nothing leads back to `sending`, and an uncertain one is settled, never repeated.
create or replace function outbound.refuse_wrong_message_turn() returns trigger
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if (old.state, new.state) not in (
    ('queued', 'sending'), ('queued', 'failed'), ('sending', 'queued'), ('sending', 'sent'), ('sending', 'uncertain'),
    ('sending', 'failed'), ('uncertain', 'sent'), ('uncertain', 'failed')
  ) then
    raise exception 'a message cannot go from % to %', old.state, new.state
    using errcode = '23514', constraint = 'messages_turn';
  end if;
  return new;
end
$$;

-- Do not contact, as for leads that are handed over: an answer to a suppressed person fails as it is about to be sent.
create or replace function outbound.refuse_suppressed_message() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select
    from outbound.conversations as v
    inner join outbound.leads as l on l.org_id = v.org_id and l.company_id = v.company_id and l.id = v.lead_id
    where v.org_id = new.org_id and v.company_id = new.company_id and v.id = new.conversation_id
      and outbound.is_suppressed(
        new.org_id, new.company_id, l.email_key, l.domain_key, l.linkedin_key
      )
  ) then
    new.state := 'failed';
    new.reason := 'suppressed';
  end if;
  return new;
end
$$;

-- Takes columns rather than the row: a company may not read every column of this table.
create or replace function outbound.conversation_document(
  id uuid, company_id uuid, campaign_id uuid, lead_id uuid, read boolean, last_message_at timestamptz,
  created_at timestamptz, updated_at timestamptz
) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', id, 'company_id', company_id, 'campaign_id', campaign_id, 'lead_id', lead_id, 'read', read,
    'last_message_at', last_message_at, 'created_at', created_at, 'updated_at', updated_at
  )
$$;

-- What a message quotes, which partners alone may see: the column is not read for other tiers.
create or replace function outbound.quoted_of(message uuid) returns text
language plpgsql stable parallel restricted
as $$
begin
  if (select s.tier from ctx.scope() as s) is distinct from 'org' then
    return null;
  end if;
  return (select m.quoted from outbound.messages as m where m.id = message);
end
$$;

-- Takes columns rather than the row likewise.
create or replace function outbound.message_document(
  id uuid, conversation_id uuid, direction text, state text, reason text, subject text, text text, html text,
  sent_at timestamptz, created_at timestamptz, updated_at timestamptz
) returns json
language sql stable parallel restricted
as $$
  select json_build_object(
    'id', id, 'conversation_id', conversation_id, 'direction', direction, 'state', state, 'reason', reason,
    'subject', subject, 'format', case when html is null then 'text' else 'html' end, 'text', text, 'html', html,
    'quoted', outbound.quoted_of(id), 'sent_at', sent_at, 'created_at', created_at, 'updated_at', updated_at
  )
$$;

create or replace trigger refuse_deleted_conversations after insert on outbound.messages
referencing new table as fresh for each statement
execute function outbound.refuse_deleted_parent('conversations', 'conversation_id', 'messages_conversation');
create or replace trigger a_refuse_suppressed before update of state on outbound.messages
for each row when (new.state = 'sending' and old.state = 'queued')
execute function outbound.refuse_suppressed_message();
create or replace trigger turns before update of state on outbound.messages
for each row when (new.state <> old.state) execute function outbound.refuse_wrong_message_turn();

-- When there is work for a lane: a thread is to be read, an answer to be sent or to be settled.
create or replace view jobs.due_conversations with (security_invoker = true) as
select
  k.org_id,
  k.account_id as subject,
  w.step,
  w.due_at
from outbound.connections as k
cross join lateral (
  select
    'read_threads' as step,
    min(v.read_at_provider) as due_at
  from outbound.conversations as v
  where
    v.org_id = k.org_id and v.company_id = k.company_id and v.connection_id = k.id
    and v.read_at_provider is not null and v.deleted_at is null
  having min(v.read_at_provider) is not null
  union all
  select
    case m.state when 'sending' then 'recover_replies' when 'queued' then 'send_replies' else 'settle_replies' end,
    min(coalesce(m.ask_at, m.created_at))
  from outbound.messages as m
  inner join outbound.conversations as v
    on m.org_id = v.org_id and m.company_id = v.company_id and m.conversation_id = v.id
  where
    m.org_id = k.org_id and m.company_id = k.company_id and v.connection_id = k.id
    and m.state in ('queued', 'sending', 'uncertain') and m.deleted_at is null and v.deleted_at is null
    and (m.state <> 'queued' or (
      k.closing_at is null
      and exists (
        select from outbound.companies as c
        inner join outbound.organizations as o on c.org_id = o.id
        where c.org_id = k.org_id and c.id = k.company_id and c.status = 'active' and o.status = 'active'
      )
    ))
  group by m.state
) as w
where k.status = 'connected' and k.deleted_at is null;
comment on view jobs.due_conversations is 'account.work';

grant execute on function
outbound.conversation_document(uuid, uuid, uuid, uuid, boolean, timestamptz, timestamptz, timestamptz),
outbound.quoted_of(uuid),
outbound.message_document(uuid, uuid, text, text, text, text, text, text, timestamptz, timestamptz, timestamptz)
to outbound_org, outbound_company;
grant select on outbound.conversations to outbound_org, outbound_worker;
grant select (
  org_id, company_id, id, campaign_id, lead_id, last_message_at, read, created_at, updated_at, deleted_at
) on outbound.conversations to outbound_company;
grant update (read, last_message_at) on outbound.conversations to outbound_org, outbound_company;
grant insert (company_id, connection_id, campaign_id, lead_id, last_message_at, read_at_provider),
update (last_message_at, read, read_at_provider) on outbound.conversations to outbound_worker;
grant select on outbound.messages to outbound_org, outbound_worker;
grant select (
  org_id, company_id, id, conversation_id, direction, state, reason, subject, text, html, sent_at, created_at, updated_at,
  deleted_at
) on outbound.messages to outbound_company;
grant insert (company_id, conversation_id, direction, state, text) on outbound.messages
to outbound_org, outbound_company;
grant insert (company_id, conversation_id, direction, state, subject, text, html, quoted, external_id, sent_at),
update (state, reason, subject, external_id, attempt_id, attempted_at, ask_at, sent_at) on outbound.messages
to outbound_worker;
