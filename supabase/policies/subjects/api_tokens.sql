-- API tokens: what a program shows us, and the credential behind it.

create or replace function ctx.sync_token_credential() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  fresh ctx.credentials;
begin
  perform ctx.lock_parents(new.org_id, new.company_id, new.user_id);
  fresh.hmac := new.hmac;
  fresh.kind := 'token';
  fresh.org_id := new.org_id;
  fresh.id := new.id;
  fresh.company_id := new.company_id;
  fresh.user_id := new.user_id;
  fresh.tier := new.tier;
  fresh.role := ctx.user_role(new.org_id, new.user_id);
  fresh.scopes := new.scopes;
  fresh.expires_at := new.expires_at;
  fresh.closed_at := coalesce(
    new.revoked_at, new.deleted_at,
    case when ctx.parents_closed(new.org_id, new.company_id, new.user_id) then now() end
  );
  perform ctx.put_credential(fresh);
  return null;
end
$$;

-- Notes when tokens were last used, many at once, for all organizations: [{"id", "org_id", "at"}].
create or replace function ctx.note_used(ticket text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  document jsonb := ctx.ticket_document(ticket, 'used');
  tenant uuid;
begin
  for tenant in select distinct (x ->> 'org_id')::uuid from jsonb_array_elements(document) as x order by 1 loop
    perform ctx.set_scope(tenant, null, null, 'auth');
    update outbound.api_tokens as t
    set last_used_at = greatest(t.last_used_at, to_timestamp((x ->> 'at')::double precision))
    from jsonb_array_elements(document) as x
    where (x ->> 'org_id')::uuid = tenant and t.org_id = tenant and t.id = (x ->> 'id')::uuid;
  end loop;
  perform set_config('app.signature', '', true);
end
$$;

-- Takes requests from the buckets that a document names, and returns what each gave and has left. What a process has
-- allowed already is taken in any case; a block only as far as there is something. Each bucket refills steadily.
create or replace function ctx.take_requests(ticket text) returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  document jsonb := ctx.ticket_document(ticket, 'requests');
  capacity double precision := (document ->> 'capacity')::double precision;
  rate double precision := (document ->> 'rate')::double precision;
  wanted record;
  stand double precision;
  amount double precision;
  granted jsonb := '{}';
begin
  for wanted in
    select w.name, w.used, w.block
    from jsonb_to_recordset(document -> 'buckets') as w (name text, used double precision, block double precision)
    order by w.name
  loop
    insert into ctx.request_buckets as b (name, tokens, updated_at)
    values (wanted.name, capacity - wanted.used, clock_timestamp())
    on conflict on constraint request_buckets_pkey do update
    set
      tokens = least(capacity, b.tokens + extract(epoch from clock_timestamp() - b.updated_at) * rate) - wanted.used,
      updated_at = clock_timestamp()
    returning b.tokens into stand;
    amount := least(wanted.block, floor(greatest(stand, 0)));
    if amount > 0 then
      update ctx.request_buckets as b set tokens = b.tokens - amount where b.name = wanted.name;
    end if;
    granted := granted || jsonb_build_object(
      wanted.name, jsonb_build_object('amount', amount, 'left', stand - amount)
    );
  end loop;
  return granted;
end
$$;

-- Takes columns rather than the row: no role may read every column of this table.
create or replace function outbound.token_document(
  id uuid, company_id uuid, user_id uuid, made_by uuid, name text, scopes text[], last_four text, expires_at timestamptz,
  revoked_at timestamptz, last_used_at timestamptz, replaced_by uuid, created_at timestamptz, updated_at timestamptz
) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', id, 'company_id', company_id, 'user_id', user_id, 'made_by', made_by, 'name', name, 'scopes', scopes,
    'last_four', last_four, 'expires_at', expires_at, 'revoked_at', revoked_at, 'last_used_at', last_used_at, 'replaced_by', replaced_by,
    'created_at', created_at, 'updated_at', updated_at
  )
$$;

create or replace trigger sync_credential after insert or update on outbound.api_tokens
for each row execute function ctx.sync_token_credential();
create or replace trigger check_own_user after insert or update of user_id on outbound.api_tokens
for each row when (new.company_id is null)
execute function outbound.check_own_level('users', 'user_id', 'api_tokens_org_id_company_id_user_id_fkey');
create or replace trigger check_own_successor after insert or update of replaced_by on outbound.api_tokens
for each row when (new.company_id is null and new.replaced_by is not null)
execute function outbound.check_own_level('api_tokens', 'replaced_by', 'api_tokens_replaced');

grant execute on function outbound.token_document(
  uuid, uuid, uuid, uuid, text, text[], text, timestamptz, timestamptz, timestamptz, uuid, timestamptz, timestamptz
) to outbound_org, outbound_company;
grant select (
  org_id, company_id, id, user_id, made_by, replaced_by, tier, name, last_four, scopes, expires_at, revoked_at, last_used_at,
  created_at, updated_at, deleted_at
) on outbound.api_tokens to outbound_platform, outbound_org, outbound_company;
grant insert (company_id, user_id, tier, name, hmac, last_four, scopes, expires_at),
update (expires_at, revoked_at, replaced_by) on outbound.api_tokens to outbound_org, outbound_company;
grant insert (user_id, tier, name, hmac, last_four, scopes, expires_at) on outbound.api_tokens to outbound_platform;
