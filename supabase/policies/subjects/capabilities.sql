-- Capabilities and the providers behind them: the same for every tenant.

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

-- The only time zones that a company's schedules can be in, none where there is no such limit. Definer likewise.
create or replace function outbound.timezones_of(company uuid, wanted text) returns text[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(p.timezones, '{}'::text[])
  from ctx.scope() as s
  inner join outbound.entitlements as e
    on e.org_id = s.org_id and e.company_id = case when s.tier = 'company' then s.company_id else company end
  inner join outbound.providers as p on p.capability = e.capability and p.key = e.provider
  where e.capability = wanted and e.deleted_at is null
$$;

grant select on outbound.capabilities to outbound_org, outbound_company, outbound_worker;
grant select on outbound.providers to outbound_org, outbound_worker;
