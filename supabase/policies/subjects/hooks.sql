-- Webhooks of providers: stored raw first, read later.

-- The door for webhooks: one statement stores the raw body and queues its reading. A repeated body is stored once.
create or replace function ctx.accept_webhook(webhook_id uuid, sha256 bytea, body bytea) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  scope record;
begin
  select s.org_id, s.company_id, s.user_id, s.tier into scope from ctx.scope() as s;
  if scope.tier is distinct from 'hook' then
    raise exception 'no context' using errcode = '42501';
  end if;
  insert into outbound.inbound_webhooks (org_id, company_id, connection_id, id, body_sha256, body)
  values (scope.org_id, scope.company_id, scope.user_id, webhook_id, sha256, body)
  on conflict (org_id, company_id, connection_id, body_sha256) do nothing;
  if not found then
    return false;
  end if;
  perform jobs.enqueue('webhook.project', scope.user_id);
  return true;
end
$$;

grant select (
  org_id, company_id, id, connection_id, state, reason, projector_version, received_at, created_at, updated_at
) on outbound.inbound_webhooks to outbound_org;
grant select, update (state, reason, projector_version, body) on outbound.inbound_webhooks to outbound_worker;
