-- Webhooks of providers: stored raw first, read later.

-- The door for webhooks: one statement stores raw bodies of a connection and queues their reading. A repeated body is stored
-- once. Returns how many were new.
create or replace function ctx.accept_webhooks(webhook_ids uuid[], hashes bytea[], bodies bytea[]) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  scope record;
  stored bigint;
begin
  select s.org_id, s.company_id, s.user_id, s.tier into scope from ctx.scope() as s;
  if scope.tier is distinct from 'hook' then
    raise exception 'no context' using errcode = '42501';
  end if;
  insert into outbound.inbound_webhooks (org_id, company_id, connection_id, id, body_sha256, body)
  select scope.org_id, scope.company_id, scope.user_id, g.webhook_id, g.hash, g.body
  from unnest(webhook_ids, hashes, bodies) as g (webhook_id, hash, body)
  order by g.hash
  on conflict (org_id, company_id, connection_id, body_sha256) do nothing;
  get diagnostics stored = row_count;
  if stored > 0 then
    perform jobs.enqueue('webhook.project', scope.user_id);
  end if;
  return stored;
end
$$;

grant select (
  org_id, company_id, id, connection_id, state, reason, projector_version, received_at, created_at, updated_at
) on outbound.inbound_webhooks to outbound_org;
grant select, update (state, reason, projector_version, body) on outbound.inbound_webhooks to outbound_worker;
