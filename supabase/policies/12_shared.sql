-- What several subjects lean on, and the grants that belong to none of them.

-- Foreign keys accept a child of a soft-deleted parent; this does not, with the code of a parent that never was.
-- Arguments: the parent's table, the child's column, the constraint to name. After the insert, so that the fence has
-- judged the rows first; per statement, so that ten thousand rows are one question.
create or replace function outbound.refuse_deleted_parent() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  gone boolean;
begin
  execute format(
    'select exists (select from fresh as f inner join outbound.%I as p on p.org_id = f.org_id and p.id = f.%I '
    'where p.deleted_at is not null)', tg_argv[0], tg_argv[1]
  ) into gone;
  if gone then
    raise exception 'the parent is gone' using errcode = '23503', constraint = tg_argv[2];
  end if;
  return null;
end
$$;

-- A key with a null in it is not checked: for what belongs to the organization itself, this does it, and ends alike
-- whether an id is another tenant's or of no row. Arguments: the parent's table, the child's column, the constraint to
-- name.
create or replace function outbound.check_own_level() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  known boolean;
  alone boolean := ctx.org_id() is null;
begin
  if alone then
    perform ctx.set_scope(new.org_id, null, null, 'platform');
  end if;
  execute format(
    'select exists (select from outbound.%I as p where p.org_id = $1 and p.id = $2 and p.company_id is null)', tg_argv[0]
  ) into known using new.org_id, nullif(to_jsonb(new) ->> tg_argv[1], '')::uuid;
  if alone then
    perform set_config('app.signature', '', true);
  end if;
  if not known then
    raise exception 'there is no such row' using errcode = '23503', constraint = tg_argv[2];
  end if;
  return null;
end
$$;

-- One page of a list, and the cursor of the next. Documents are the JSON shape of each resource, once: the API passes
-- them through as bytes; the response models of the OpenAPI documents are checked against them by tests. Each subject's
-- page has its own, as plain SQL functions, so that Postgres inlines them.
create or replace function outbound.page(cursors text[], documents json[], page_size integer) returns text
language sql stable parallel safe
as $$
  select json_build_object(
    'data', coalesce(array_to_json(documents[1:page_size]), '[]'::json),
    'next_cursor', case
      when cardinality(documents) > page_size
        then rtrim(translate(encode(convert_to(cursors[page_size], 'UTF8'), 'base64'), E'+/\n', '-_'), '=')
    end
  )::text
$$;

-- What is known of a mailbox or seat, whether it is an account's or a company's.
create or replace function outbound.health_document(health jsonb) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'problem', health ->> 'problem', 'warmup_score', health -> 'warmup_score', 'sent_today', health -> 'sent_today',
    'limits', coalesce(health -> 'limits', '{}'::jsonb)
  )
$$;

-- What generated columns and defaults need of the role that writes a row.
grant execute on function
outbound.uuid_v7(), outbound.normalize_email(text), outbound.domain_path(text), outbound.is_email_key(text),
outbound.is_domain_key(text), outbound.is_profile_key(text), outbound.untagged(text), outbound.domains_above(text)
to outbound_org, outbound_company, outbound_worker;
grant execute on function
outbound.uuid_v7(), outbound.normalize_email(text), outbound.is_email_key(text), outbound.is_domain_key(text),
outbound.is_profile_key(text)
to outbound_platform;
grant execute on function outbound.metadata_fits(jsonb)
to outbound_platform, outbound_org, outbound_company, outbound_worker;

grant execute on function outbound.page(text[], json[], integer)
to outbound_platform, outbound_org, outbound_company;
grant execute on function outbound.health_document(jsonb) to outbound_org, outbound_company;

-- Every write of a tenant shares these.
grant select, insert (credential_id, method, path, key, request_sha256), update (status_code, answer), delete
on outbound.idempotency_keys to outbound_org, outbound_company;
