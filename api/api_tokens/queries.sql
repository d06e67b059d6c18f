-- name: create_company_token :one
-- Makes a service user for a company and a token that speaks for it; the secret itself never reaches Postgres.
with person as (
  insert into outbound.users (company_id, kind, role, name)
  select
    c.id,
    'service',
    'company_admin',
    %(name)s
  from outbound.companies as c
  where c.id = %(company_id)s and c.deleted_at is null
  returning id, company_id
)

insert into outbound.api_tokens as t (company_id, user_id, tier, name, hmac, last_four)
select
  person.company_id,
  person.id,
  'company',
  %(name)s,
  %(hmac)s,
  %(last_four)s
from person
returning
  json_build_object(
    'id', t.id, 'company_id', t.company_id, 'name', t.name, 'last_four', t.last_four,
    'created_at', t.created_at
  )::text as body;
