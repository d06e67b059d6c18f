-- Imports: long lists, and how far they have come.

create or replace function outbound.import_document(i outbound.imports) returns json
language sql stable parallel safe
as $$
  select json_build_object(
    'id', i.id, 'company_id', i.company_id, 'kind', i.kind, 'campaign_id', i.campaign_id, 'name', i.name, 'source', i.source,
    'state', i.state, 'reason', i.reason, 'detail', i.detail, 'size', i.size,
    'progress', case
      when i.state = 'completed' then 1.0
      when coalesce(i.read_size, 0) = 0 then 0.0
      else round(least((i.place ->> 'offset')::numeric / i.read_size, 1.0), 4)
    end,
    'format', i.layout ->> 'format',
    'encoding', case when i.layout ->> 'format' = 'csv' then i.layout ->> 'encoding' end,
    'separator', i.layout ->> 'separator', 'sheet', i.layout ->> 'sheet', 'header_line', i.layout -> 'header_line',
    'columns', (
      select json_agg(json_build_object('column', c.shown ->> 'name', 'field', c.shown ->> 'field') order by c.place)
      from jsonb_array_elements(nullif(i.layout -> 'columns', 'null'::jsonb)) with ordinality as c (shown, place)
    ),
    'counts', json_build_object(
      'received', i.rows_read,
      'added', coalesce((i.counts ->> 'added')::bigint, 0),
      'duplicate', coalesce((i.counts ->> 'duplicate')::bigint, 0),
      'known', coalesce((i.counts ->> 'known')::bigint, 0),
      'suppressed', coalesce((i.counts ->> 'suppressed')::bigint, 0),
      'skipped', coalesce((i.counts ->> 'skipped')::bigint, 0),
      'invalid', coalesce((i.counts ->> 'invalid')::bigint, 0)
    ),
    'started_at', i.started_at, 'finished_at', i.finished_at, 'created_at', i.created_at, 'updated_at', i.updated_at
  )
$$;

-- The arrows between states. What has ended is never read again.
create or replace function outbound.refuse_wrong_import_turn() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if (old.state, new.state) not in (
    ('receiving', 'queued'), ('receiving', 'abandoned'), ('queued', 'running'), ('queued', 'failed'),
    ('queued', 'canceled'), ('running', 'completed'), ('running', 'failed'), ('running', 'canceled')
  ) then
    raise exception 'an import cannot go from % to %', old.state, new.state
    using errcode = '23514', constraint = 'imports_turn';
  end if;
  return new;
end
$$;

create or replace trigger turns before update of state on outbound.imports
for each row when (new.state <> old.state) execute function outbound.refuse_wrong_import_turn();
create or replace trigger refuse_deleted_companies after insert on outbound.imports
referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('companies', 'company_id', 'imports_company');
create or replace trigger refuse_deleted_campaigns after insert on outbound.imports
referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('campaigns', 'campaign_id', 'imports_campaign');
create or replace trigger refuse_deleted_imports after insert on outbound.import_chunks
referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('imports', 'import_id', 'import_chunks_import');
create or replace trigger refuse_deleted_imports after insert on outbound.import_results
referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent('imports', 'import_id', 'import_results_import');

-- When there is work: a company's lists wait, or one has ended and what was sent is still there. One after the other.
create or replace view jobs.due_imports with (security_invoker = true) as
select
  i.org_id,
  i.company_id as subject,
  null::text as step,
  i.created_at as due_at
from outbound.imports as i
where
  i.deleted_at is null and (i.state in ('queued', 'running') or (i.finished_at is not null and i.chunks > 0));
comment on view jobs.due_imports is 'list.import';

grant execute on function outbound.import_document(outbound.imports) to outbound_org, outbound_company;
grant select on outbound.imports to outbound_org, outbound_company, outbound_worker;
grant insert (id, company_id, kind, campaign_id, name, source, media_type, charset, column_map),
update (state, size, chunks, finished_at) on outbound.imports to outbound_org, outbound_company;
grant update (
  state, reason, detail, chunks, layout, read_size, place, rows_read, counts, attempts, started_at, finished_at,
  deleted_at
) on outbound.imports to outbound_worker;
grant insert (company_id, id, import_id, number, body) on outbound.import_chunks
to outbound_org, outbound_company;
grant select (org_id, company_id, id, import_id, is_unpacked, number, created_at, updated_at) on outbound.import_chunks to outbound_org, outbound_company;
grant select, insert (company_id, id, import_id, is_unpacked, number, body), update (body), delete
on outbound.import_chunks to outbound_worker;
grant select on outbound.import_results to outbound_org, outbound_company;
grant select, insert (company_id, id, import_id, first_row, body, seen), update (body) on outbound.import_results
to outbound_worker;

-- What the job that reads a list does of other subjects.
grant execute on function outbound.suppressed_among(uuid, text[]) to outbound_worker;
grant insert (
  company_id, email, email_key, domain_key, linkedin_url, linkedin_key, first_name, last_name, company_name, first_key,
  last_key, company_key, source, source_at, custom
),
update (
  email, email_key, domain_key, linkedin_url, linkedin_key, first_name, last_name, company_name, first_key,
  last_key, company_key, source, source_at, custom
)
on outbound.leads to outbound_worker;
grant insert (company_id, campaign_id, lead_id) on outbound.campaign_leads to outbound_worker;
grant insert (company_id, kind, value, value_key, include_subdomains, include_tags, source, source_at),
update (include_subdomains, include_tags) on outbound.suppressions to outbound_worker;
