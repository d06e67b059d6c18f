-- The JSON shape of each resource, once. The API passes these documents through as bytes; the response models of the
-- OpenAPI documents are checked against them by tests. Plain SQL functions, so that Postgres inlines them.

set role outbound_owner;

create or replace function outbound.page(cursors text[], documents json[], page_size integer) returns text
language sql immutable parallel safe
as $$
  select json_build_object(
    'data', coalesce(array_to_json(documents[1:page_size]), '[]'::json),
    'next_cursor', case
      when cardinality(documents) > page_size
        then rtrim(translate(encode(convert_to(cursors[page_size], 'UTF8'), 'base64'), E'+/\n', '-_'), '=')
    end
  )::text
$$;

create or replace function outbound.company_document(c outbound.companies) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', c.id, 'name', c.name, 'status', c.status, 'metadata', c.metadata,
    'created_at', c.created_at, 'updated_at', c.updated_at
  )
$$;

create or replace function outbound.organization_document(o outbound.organizations) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', o.id, 'name', o.name, 'slug', o.slug, 'status', o.status, 'sandbox', o.sandbox, 'metadata', o.metadata,
    'created_at', o.created_at, 'updated_at', o.updated_at
  )
$$;

-- Two documents take columns rather than the row: of these tables no role may read every column.
create or replace function outbound.user_document(
  id uuid, company_id uuid, kind text, role text, status text, name text, email text, metadata jsonb,
  created_at timestamptz, updated_at timestamptz
) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', id, 'company_id', company_id, 'kind', kind, 'role', role, 'status', status, 'name', name, 'email', email,
    'metadata', metadata, 'created_at', created_at, 'updated_at', updated_at
  )
$$;

create or replace function outbound.token_document(
  id uuid, company_id uuid, user_id uuid, name text, scopes text[], last_four text, expires_at timestamptz,
  revoked_at timestamptz, last_used_at timestamptz, replaced_by uuid, created_at timestamptz, updated_at timestamptz
) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', id, 'company_id', company_id, 'user_id', user_id, 'name', name, 'scopes', scopes, 'last_four', last_four,
    'expires_at', expires_at, 'revoked_at', revoked_at, 'last_used_at', last_used_at, 'replaced_by', replaced_by,
    'created_at', created_at, 'updated_at', updated_at
  )
$$;

create or replace function outbound.audit_document(a outbound.audit_log) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', a.id, 'company_id', a.company_id, 'action', a.action,
    'actor', json_build_object('tier', a.actor_tier, 'user_id', a.actor_user_id, 'credential_id', a.credential_id),
    'target', a.target, 'request_id', a.request_id, 'created_at', a.created_at
  )
$$;

create or replace function outbound.entitlement_document(e outbound.entitlements) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', e.id, 'company_id', e.company_id, 'capability', e.capability, 'provider', e.provider,
    'status', e.status, 'created_at', e.created_at, 'updated_at', e.updated_at
  )
$$;

create or replace function outbound.health_document(health jsonb) returns json
language sql immutable parallel safe
as $$
  select json_build_object(
    'problem', health ->> 'problem', 'warmup_score', health -> 'warmup_score', 'sent_today', health -> 'sent_today',
    'limits', coalesce(health -> 'limits', '{}'::jsonb)
  )
$$;

create or replace function outbound.sender_document(s outbound.senders) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', s.id, 'company_id', s.company_id, 'capability', s.capability, 'address', s.address,
    'display_name', s.display_name, 'status', s.status, 'daily_limit', s.daily_limit,
    'warmup_status', s.warmup_status, 'health', outbound.health_document(s.health), 'created_at', s.created_at,
    'updated_at', s.updated_at
  )
$$;

-- `synced` is derived, never stored: everything we want stands there, and nobody is waiting to be handed over.
-- `waiting` comes from the query: a subquery in here would keep Postgres from inlining the function, and every row
-- would verify the context anew.
drop function if exists outbound.campaign_document(outbound.campaigns);
drop function if exists outbound.sync_document(outbound.campaigns);
create or replace function outbound.sync_document(c outbound.campaigns, waiting boolean) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'state', case
      when c.sync_error is not null then 'failed'
      when c.status = 'draft' or c.revision <> c.synced_revision or waiting then 'pending'
      else 'synced'
    end,
    'reason', c.sync_error
  )
$$;

create or replace function outbound.campaign_document(c outbound.campaigns, waiting boolean) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', c.id, 'company_id', c.company_id, 'name', c.name, 'capability', c.capability, 'status', c.status,
    'schedule', json_build_object(
      'timezone', c.timezone, 'days', c.send_days,
      'start', to_char(c.send_from, 'HH24:MI'), 'end', to_char(c.send_until, 'HH24:MI'),
      'minutes_between_sends', c.minutes_between_sends, 'max_new_leads_per_day', c.max_new_leads_per_day
    ),
    'sync', outbound.sync_document(c, waiting), 'pause_reason', c.pause_reason, 'managed', c.managed,
    'metadata', c.metadata, 'started_at', c.started_at, 'created_at', c.created_at, 'updated_at', c.updated_at
  )
$$;

create or replace function outbound.step_document(s outbound.sequence_steps) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', s.id, 'position', s.position, 'type', s.type, 'delay_days', s.delay_days,
    'subject', s.subject, 'body', s.body
  )
$$;

create or replace function outbound.lead_document(l outbound.leads) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', l.id, 'company_id', l.company_id, 'email', l.email, 'linkedin_url', l.linkedin_url,
    'first_name', l.first_name, 'last_name', l.last_name, 'company_name', l.company_name, 'custom', l.custom,
    'metadata', l.metadata, 'created_at', l.created_at, 'updated_at', l.updated_at
  )
$$;

create or replace function outbound.campaign_lead_document(e outbound.campaign_leads, l outbound.leads) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', e.id, 'campaign_id', e.campaign_id, 'lead_id', e.lead_id, 'status', e.status,
    'push', json_build_object('state', e.push_state, 'reason', e.push_reason),
    'email', l.email, 'first_name', l.first_name, 'last_name', l.last_name, 'company_name', l.company_name,
    'custom', l.custom, 'last_event_at', e.last_event_at, 'created_at', e.created_at, 'updated_at', e.updated_at
  )
$$;

create or replace function outbound.suppression_document(s outbound.suppressions) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', s.id, 'company_id', s.company_id, 'kind', s.kind, 'value', s.value_normalized, 'source', s.source,
    'created_at', s.created_at
  )
$$;

-- Which of these addresses must not be contacted. Definer: no tenant may read the platform's list, nor a company the
-- organization's; both are asked here in one statement for a whole list. A company asks for itself, whatever it says.
create or replace function outbound.suppressed_among(company uuid, emails text[]) returns setof text
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with asker as (
    select case when s.tier = 'company' then s.company_id else company end as company_id from ctx.scope() as s
  ),

  asked as (
    select e.email, split_part(e.email, '@', -1) as domain
    from unnest(emails) as e (email)
    where ctx.org_id() is not null
  ),

  listed as materialized (
    select s.value_normalized as value
    from outbound.suppressions as s
    where s.deleted_at is null
      and (s.company_id is null or s.company_id = (select k.company_id from asker as k))
      and s.value_normalized in (select a.email from asked as a union select a.domain from asked as a)
    union
    select p.value_normalized
    from outbound.platform_suppressions as p
    where p.value_normalized in (select a.email from asked as a union select a.domain from asked as a)
  )

  select a.email
  from asked as a
  where a.email in (select l.value from listed as l) or a.domain in (select l.value from listed as l)
$$;

-- What a company can do with a capability. Definer: it follows from who does it, which no company may know.
create or replace function outbound.features_of(company uuid, wanted text) returns jsonb
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select p.features
  from ctx.scope() as s
  inner join outbound.entitlements as e
    on e.org_id = s.org_id and e.company_id = case when s.tier = 'company' then s.company_id else company end
  inner join outbound.providers as p on p.capability = e.capability and p.key = e.provider
  where e.capability = wanted and e.deleted_at is null
$$;

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

create or replace function outbound.message_document(
  id uuid, conversation_id uuid, direction text, state text, reason text, subject text, body text,
  sent_at timestamptz, created_at timestamptz, updated_at timestamptz
) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', id, 'conversation_id', conversation_id, 'direction', direction, 'state', state, 'reason', reason,
    'subject', subject, 'body', body, 'sent_at', sent_at, 'created_at', created_at, 'updated_at', updated_at
  )
$$;

grant execute on function
outbound.page(text[], json[], integer),
outbound.entitlement_document(outbound.entitlements)
to outbound_org;

grant execute on function outbound.features_of(uuid, text) to outbound_org, outbound_company;

grant execute on function outbound.organization_document(outbound.organizations) to outbound_org, outbound_platform;
grant execute on function outbound.page(text[], json[], integer) to outbound_platform;

grant execute on function
outbound.page(text[], json[], integer),
outbound.health_document(jsonb),
outbound.sender_document(outbound.senders),
outbound.sync_document(outbound.campaigns, boolean),
outbound.campaign_document(outbound.campaigns, boolean),
outbound.step_document(outbound.sequence_steps),
outbound.lead_document(outbound.leads),
outbound.campaign_lead_document(outbound.campaign_leads, outbound.leads),
outbound.suppression_document(outbound.suppressions),
outbound.suppressed_among(uuid, text[]),
outbound.company_document(outbound.companies),
outbound.conversation_document(uuid, uuid, uuid, uuid, boolean, timestamptz, timestamptz, timestamptz),
outbound.message_document(
  uuid, uuid, text, text, text, text, text, timestamptz, timestamptz, timestamptz
),
outbound.user_document(uuid, uuid, text, text, text, text, text, jsonb, timestamptz, timestamptz),
outbound.token_document(
  uuid, uuid, uuid, text, text[], text, timestamptz, timestamptz, timestamptz, uuid, timestamptz, timestamptz
),
outbound.audit_document(outbound.audit_log)
to outbound_org, outbound_company;

grant execute on function outbound.step_document(outbound.sequence_steps) to outbound_worker;

reset role;
