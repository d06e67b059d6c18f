-- Senders: the mailboxes and LinkedIn seats of a company, and the provider's ids of them.

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

grant execute on function outbound.sender_document(outbound.senders) to outbound_org, outbound_company;
grant select on outbound.senders to outbound_org, outbound_company, outbound_worker;
grant insert (company_id, id, capability, address, display_name, status, daily_limit, warmup_status, health),
update (address, display_name, status, daily_limit, warmup_status, health, deleted_at)
on outbound.senders to outbound_org, outbound_worker;
grant update (domain_auth, domain_checked_at) on outbound.senders to outbound_worker;
grant select on outbound.sender_bindings to outbound_org, outbound_worker;
grant insert (company_id, sender_id, connection_id, external_id) on outbound.sender_bindings
to outbound_org, outbound_worker;
grant delete on outbound.sender_bindings to outbound_org;
