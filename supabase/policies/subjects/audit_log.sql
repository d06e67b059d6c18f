-- The audit log: a line for every write, that says who did it.

-- Writes one line. Who acts is read from the signed context, never from an argument.
create or replace function ctx.note_write(action text, target jsonb, request text, credential uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into outbound.audit_log (
    org_id, company_id, actor_tier, actor_user_id, credential_id, action, target, request_id
  )
  select s.org_id, s.company_id, s.tier, s.user_id, credential, action, target, left(request, 64)
  from ctx.scope() as s
  where s.org_id is not null
$$;

-- For the doors of the schema ctx only: it trusts what it is given.
create or replace function ctx.note_security(org uuid, company uuid, person uuid, action text, subject uuid)
returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into outbound.audit_log (org_id, company_id, actor_tier, actor_user_id, action, target)
  values (org, company, 'auth', person, action, jsonb_build_object('id', subject))
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

grant execute on function outbound.audit_document(outbound.audit_log) to outbound_org, outbound_company;
grant select on outbound.audit_log to outbound_org, outbound_company;
