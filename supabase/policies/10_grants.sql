-- Who may touch what, by column. Everything is taken back first, so this page is the whole truth.
-- No company role holds a column that could name a provider. Nobody gets TRUNCATE, REFERENCES, TRIGGER or CREATE.

set role outbound_owner;

do $$
declare
  item record;
  logins constant text := 'outbound_platform, outbound_org, outbound_company, outbound_worker, outbound_public';
begin
  for item in
    select n.nspname, c.relname
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and c.relkind in ('r', 'p', 'v')
  loop
    execute format('revoke all on %I.%I from public, dashboard_org, dashboard_company, %s',
      item.nspname, item.relname, logins);
  end loop;
  for item in
    select p.oid::regprocedure as signature
    from pg_catalog.pg_proc as p
    inner join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs')
  loop
    execute format('revoke all on routine %s from public, dashboard_org, dashboard_company, %s',
      item.signature, logins);
  end loop;
end
$$;

grant usage on schema outbound, ctx, jobs to outbound_org, outbound_company, outbound_worker, outbound_platform;
grant usage on schema ctx to outbound_public;

-- What generated columns and defaults need of whoever writes a row.
grant execute on function
outbound.uuid_v7(), outbound.normalize_email(text), outbound.normalize_linkedin_url(text),
outbound.take_seq(uuid, bigint)
to outbound_org, outbound_company, outbound_worker;
grant execute on function outbound.uuid_v7(), outbound.normalize_email(text) to outbound_platform;
grant execute on function outbound.metadata_fits(jsonb)
to outbound_platform, outbound_org, outbound_company, outbound_worker;

-- Tenants ------------------------------------------------------------------------------------------------------
grant select on outbound.organizations to outbound_platform, outbound_org, outbound_worker;
grant insert (id, name, slug, metadata, sandbox), update (name, slug, status, metadata) on outbound.organizations
to outbound_platform;
grant update (name, metadata) on outbound.organizations to outbound_org;
grant select on outbound.companies to outbound_platform, outbound_org, outbound_company, outbound_worker;
grant insert (name, metadata), update (name, status, metadata) on outbound.companies to outbound_org;
grant update (name, metadata) on outbound.companies to outbound_company;
-- The password's hash is for the doors alone.
grant select (
  org_id, id, company_id, kind, role, status, name, email, email_normalized, metadata, created_at, updated_at, deleted_at
) on outbound.users to outbound_platform, outbound_org, outbound_company;
grant insert (company_id, kind, role, name, email, metadata),
update (role, status, name, metadata, deleted_at) on outbound.users to outbound_org, outbound_company;
grant insert (kind, role, name) on outbound.users to outbound_platform;
grant select (
  org_id, id, company_id, user_id, tier, name, last_four, scopes, expires_at, revoked_at, last_used_at, replaced_by,
  created_at, updated_at, deleted_at
) on outbound.api_tokens to outbound_platform, outbound_org, outbound_company;
grant insert (company_id, user_id, tier, name, hmac, last_four, scopes, expires_at),
update (expires_at, revoked_at, replaced_by) on outbound.api_tokens to outbound_org, outbound_company;
grant insert (user_id, tier, name, hmac, last_four, scopes, expires_at) on outbound.api_tokens to outbound_platform;
grant select on outbound.sessions to outbound_org, outbound_company;
grant update (revoked_at, revoked_reason) on outbound.sessions to outbound_org, outbound_company;
grant select (id, name, last_four, expires_at, revoked_at, created_at, updated_at),
insert (name, hmac, last_four, expires_at), update (revoked_at) on outbound.platform_tokens to outbound_platform;

-- What every write shares --------------------------------------------------------------------------------------
grant select, insert (credential_id, method, path, key, request_sha256), update (status_code, answer), delete
on outbound.idempotency_keys to outbound_org, outbound_company;
grant select on outbound.audit_log to outbound_org, outbound_company;

-- Capabilities and connections ---------------------------------------------------------------------------------
grant select on outbound.capabilities to outbound_org, outbound_company, outbound_worker;
grant select on outbound.providers to outbound_org, outbound_worker;
grant select on outbound.entitlements to outbound_org, outbound_worker;
grant select (org_id, company_id, id, capability, status, created_at, updated_at, deleted_at)
on outbound.entitlements to outbound_company;
grant insert (company_id, capability, provider), update (provider, status, deleted_at) on outbound.entitlements
to outbound_org;
grant update (status) on outbound.entitlements to outbound_worker;
grant select (
  org_id, id, provider, budget_at, hold_until, used_by_minute, used_minute, shared_at, follows, created_at, updated_at,
  deleted_at
) on outbound.provider_accounts to outbound_org;
grant insert (provider, credential_hmac) on outbound.provider_accounts to outbound_org;
grant select (credential_hmac), update (shared_at, follows) on outbound.provider_accounts to outbound_org;
grant select on outbound.provider_accounts to outbound_worker;
grant update (budget_at, hold_until, used_by_minute, used_minute, shared_at) on outbound.provider_accounts
to outbound_worker;
grant select (
  org_id, company_id, id, capability, provider, account_id, environment, status, reason, closing_at, senders_synced_at,
  weight, hook_state, hook_checked_at, missed_at, created_at, updated_at, deleted_at
) on outbound.connections to outbound_org;
grant insert (company_id, id, capability, provider, account_id, status, credential, hook_token, hook_hmac),
update (account_id, status, reason, credential, closing_at, senders_synced_at, weight)
on outbound.connections to outbound_org;
grant select on outbound.connections to outbound_worker;
grant update (
  status, reason, credential, hook_token, senders_synced_at, hook_state, hook_checked_at, missed_at
) on outbound.connections to outbound_worker;
grant select on outbound.senders to outbound_org, outbound_company, outbound_worker;
grant select on outbound.account_senders to outbound_org, outbound_worker;
grant insert (account_id, external_id, address, display_name, status, daily_limit, warmup_status, health),
update (address, display_name, status, daily_limit, warmup_status, health, assigned_to)
on outbound.account_senders to outbound_org, outbound_worker;
grant update (decided_at) on outbound.account_senders to outbound_org, outbound_worker;
grant insert (company_id, id, capability, address, display_name, status, daily_limit, warmup_status, health),
update (address, display_name, status, daily_limit, warmup_status, health, deleted_at)
on outbound.senders to outbound_org, outbound_worker;
grant select on outbound.sender_bindings to outbound_org, outbound_worker;
grant insert (company_id, sender_id, connection_id, external_id) on outbound.sender_bindings
to outbound_org, outbound_worker;
grant delete on outbound.sender_bindings to outbound_org;

-- Campaigns and people -----------------------------------------------------------------------------------------
grant select on outbound.campaigns to outbound_org, outbound_company, outbound_worker;
grant insert (
  company_id, name, capability, timezone, send_days, send_from, send_until, minutes_between_sends,
  max_new_leads_per_day, metadata
), update (
  name, status, pause_reason, metadata, timezone, send_days, send_from, send_until, minutes_between_sends, max_new_leads_per_day,
  revision, sync_error, started_at, deleted_at
) on outbound.campaigns to outbound_org, outbound_company;
grant update (status, synced_revision, sync_error) on outbound.campaigns to outbound_worker;
grant select on outbound.sequence_steps to outbound_org, outbound_company, outbound_worker;
grant insert (company_id, campaign_id, position, type, delay_days, subject, body),
update (type, delay_days, subject, body, deleted_at)
on outbound.sequence_steps to outbound_org, outbound_company;
grant select on outbound.campaign_senders to outbound_org, outbound_company, outbound_worker;
grant insert (company_id, campaign_id, sender_id), delete on outbound.campaign_senders
to outbound_org, outbound_company;
grant select on outbound.leads to outbound_org, outbound_company, outbound_worker;
grant insert (company_id, email, linkedin_url, first_name, last_name, company_name, custom),
update (email, linkedin_url, first_name, last_name, company_name, custom, metadata, deleted_at)
on outbound.leads to outbound_org, outbound_company;
grant select on outbound.campaign_leads to outbound_org, outbound_company, outbound_worker;
grant insert (company_id, campaign_id, lead_id), update (status, hold_state, deleted_at) on outbound.campaign_leads
to outbound_org, outbound_company;
grant update (
  status, push_state, push_attempt_id, push_attempts, push_attempted_at, push_reason, pushed_at,
  push_ask_after, stop_state, stop_reason, hold_state, last_event_at
) on outbound.campaign_leads to outbound_worker;
grant select, insert (company_id, campaign_id, connection_id, create_attempted_at),
update (
  external_id, create_attempted_at, remote_status, parts, poll_at, polled_at, read_at, figures, hook_state, hook_checked_at
)
on outbound.campaign_bindings to outbound_worker;
grant insert (company_id, campaign_id, connection_id, external_id), update (external_id) on outbound.campaign_bindings
to outbound_org;
grant update (managed) on outbound.campaigns to outbound_org;
grant select, insert (company_id, campaign_lead_id, external_id), update (external_id)
on outbound.lead_bindings to outbound_worker;
grant select on outbound.campaign_bindings, outbound.lead_bindings to outbound_org;

-- Do not contact -----------------------------------------------------------------------------------------------
grant select on outbound.suppressions to outbound_org, outbound_company, outbound_worker;
grant insert (company_id, kind, value) on outbound.suppressions to outbound_org, outbound_company;
grant insert (company_id, kind, value, source) on outbound.suppressions to outbound_worker;
grant update (deleted_at) on outbound.suppressions to outbound_org, outbound_company;
grant execute on function outbound.hold_do_not_contact() to outbound_worker;

-- Conversations ------------------------------------------------------------------------------------------------
grant select on outbound.conversations, outbound.messages to outbound_org, outbound_worker;
grant select (
  org_id, company_id, id, campaign_id, lead_id, last_message_at, read, created_at, updated_at, deleted_at
), update (read, last_message_at) on outbound.conversations to outbound_company;
grant update (read, last_message_at) on outbound.conversations to outbound_org;
grant insert (company_id, connection_id, campaign_id, lead_id, last_message_at, read_at_provider),
update (last_message_at, read, read_at_provider) on outbound.conversations to outbound_worker;
grant select (
  org_id, company_id, id, conversation_id, direction, state, reason, subject, body, sent_at, created_at, updated_at,
  deleted_at
) on outbound.messages to outbound_company;
grant insert (company_id, conversation_id, direction, state, body) on outbound.messages to outbound_org, outbound_company;
grant insert (company_id, conversation_id, direction, state, subject, body, external_id, sent_at),
update (state, reason, subject, external_id, attempt_id, attempted_at, ask_at, sent_at) on outbound.messages
to outbound_worker;

-- Events -------------------------------------------------------------------------------------------------------
grant select on outbound.inbound_webhooks to outbound_worker;
grant update (state, reason, projector_version, body) on outbound.inbound_webhooks to outbound_worker;
grant select (
  org_id, company_id, id, connection_id, state, reason, projector_version, received_at, created_at, updated_at
) on outbound.inbound_webhooks to outbound_org;
grant select on outbound.events to outbound_org, outbound_worker;
grant select (
  org_id, company_id, id, sequence, type, campaign_id, lead_id, data, occurred_at, created_at, updated_at
) on outbound.events to outbound_company;
grant insert (company_id, sequence, type, campaign_id, lead_id, data, occurred_at) on outbound.events
to outbound_org, outbound_company;
grant insert (company_id, sequence, type, connection_id, event_key, campaign_id, lead_id, data, occurred_at)
on outbound.events to outbound_worker;
grant select, insert (company_id, last_sequence), update (last_sequence) on outbound.event_counters
to outbound_org, outbound_company, outbound_worker;

-- The queue's own tables, for the worker that runs it.
do $$
begin
  if to_regclass('jobs.procrastinate_jobs') is not null then
    grant select, insert, update, delete on jobs.procrastinate_jobs, jobs.procrastinate_workers,
    jobs.procrastinate_periodic_defers to outbound_worker;
    grant select, insert on jobs.procrastinate_events to outbound_worker;
    grant usage on all sequences in schema jobs to outbound_worker;
    grant execute on all functions in schema jobs to outbound_worker;
  end if;
end
$$;

reset role;

-- Nobody makes temporary objects or schemas. Only the database's owner can take this back; elsewhere it is a warning.
do $$
begin
  execute format('revoke temporary, create on database %I from public', current_database());
end
$$;

alter role outbound_platform set statement_timeout = '15s';
alter role outbound_org set statement_timeout = '15s';
alter role outbound_company set statement_timeout = '15s';
alter role outbound_worker set statement_timeout = '30s';
alter role outbound_public set statement_timeout = '10s';
alter role outbound_public set synchronous_commit = 'on';
