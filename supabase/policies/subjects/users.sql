-- Users: whoever acts, people with passwords and services with tokens.

-- Nobody but the person makes an invitation an account: whoever could, could also find out which addresses are in use.
create or replace function outbound.keep_invited() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    if new.kind = 'person' and new.password_hash is null
      and (select s.tier from ctx.scope() as s) in ('org', 'company') then
      new.status := 'invited';
    end if;
  elsif old.status = 'invited' and new.status <> 'invited' and new.password_hash is null then
    raise exception 'an invited person sets a password first' using errcode = '23514', constraint = 'users_invited';
  end if;
  return new;
end
$$;

-- Takes columns rather than the row: no role may read every column of this table.
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

create or replace trigger keep_invited before insert or update of status on outbound.users
for each row execute function outbound.keep_invited();
create or replace trigger sync_credentials after update of status, role, deleted_at on outbound.users
for each row execute function ctx.sync_credentials_below();

grant execute on function outbound.user_document(
  uuid, uuid, text, text, text, text, text, jsonb, timestamptz, timestamptz
) to outbound_org, outbound_company;
-- The password's hash is for the doors alone.
grant select (
  org_id, company_id, id, kind, role, name, email, email_normalized, metadata, status, created_at, updated_at,
  deleted_at
) on outbound.users to outbound_platform, outbound_org, outbound_company;
grant insert (company_id, kind, role, name, email, metadata),
update (role, status, name, metadata, deleted_at) on outbound.users to outbound_org, outbound_company;
grant insert (kind, role, name) on outbound.users to outbound_platform;
