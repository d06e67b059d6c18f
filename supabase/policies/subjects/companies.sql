-- Companies: a partner's clients, which close like their organization does.

create or replace function outbound.company_document(c outbound.companies) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', c.id, 'name', c.name, 'status', c.status, 'metadata', c.metadata,
    'postal_address', c.postal_address, 'may_omit_unsubscribe', c.may_omit_unsubscribe, 'timezone', c.timezone,
    'created_at', c.created_at, 'updated_at', c.updated_at
  )
$$;

create or replace trigger sync_credentials after update of status, deleted_at on outbound.companies
for each row execute function ctx.sync_credentials_below();
create or replace trigger close_tenant after update of status on outbound.companies
for each row when (new.status <> old.status) execute function outbound.close_tenant();

grant execute on function outbound.company_document(outbound.companies) to outbound_org, outbound_company;
grant select on outbound.companies to outbound_platform, outbound_org, outbound_company, outbound_worker;
grant insert (name, metadata, timezone), update (
  name, status, metadata, postal_address, may_omit_unsubscribe, timezone
) on outbound.companies to outbound_org;
grant update (name, metadata, postal_address, timezone) on outbound.companies to outbound_company;
