-- Entitlements: what one company may use, and what turning one on or off means for its campaigns.

-- The state machine of an entitlement, what it means for the campaigns, and what the company is told.
create or replace function outbound.turn_entitlement() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  resumed uuid[];
begin
  if (old.status, new.status) not in (
    ('entitled', 'connected'), ('connected', 'disconnected'), ('disconnected', 'connected')
  ) then
    raise exception 'an entitlement cannot go from % to %', old.status, new.status
    using errcode = '23514', constraint = 'entitlements_turn';
  end if;
  insert into outbound.events (org_id, company_id, sequence, type, data, occurred_at)
  values (
    new.org_id, new.company_id, outbound.take_seq(new.org_id, new.company_id, 1) + 1, 'entitlement.' || new.status,
    jsonb_build_object('capability', new.capability), now()
  );
  if new.status = 'connected' then
    with started as (
      update outbound.campaigns as c
      set status = 'active', pause_reason = null, revision = c.revision + 1, sync_error = null
      where c.org_id = new.org_id and c.company_id = new.company_id and c.capability = new.capability
        and c.status = 'paused' and c.pause_reason = 'disconnected' and c.deleted_at is null
      returning c.id
    )
    select array_agg(s.id order by s.id) into resumed from started as s;
    insert into outbound.events (org_id, company_id, sequence, type, campaign_id, data, occurred_at)
    select new.org_id, new.company_id, taken.last + n.ordinality, 'campaign.started', n.id,
      jsonb_build_object('reason', 'reconnected'), now()
    from (
      select outbound.take_seq(new.org_id, new.company_id, cardinality(resumed)) as last where resumed is not null
    ) as taken, unnest(resumed) with ordinality as n (id, ordinality);
  end if;
  return null;
end
$$;

create or replace function outbound.entitlement_document(e outbound.entitlements) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', e.id, 'company_id', e.company_id, 'capability', e.capability, 'provider', e.provider,
    'status', e.status, 'created_at', e.created_at, 'updated_at', e.updated_at
  )
$$;

create or replace trigger turn after update of status on outbound.entitlements
for each row when (new.status <> old.status) execute function outbound.turn_entitlement();

grant execute on function outbound.entitlement_document(outbound.entitlements) to outbound_org;
grant select on outbound.entitlements to outbound_org, outbound_worker;
grant select (org_id, company_id, id, capability, status, created_at, updated_at, deleted_at)
on outbound.entitlements to outbound_company;
grant insert (company_id, capability, provider), update (provider, status, deleted_at) on outbound.entitlements
to outbound_org;
grant update (status) on outbound.entitlements to outbound_worker;
