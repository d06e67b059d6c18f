-- name: create_token :one
-- Makes a token, and a service user for it where no user is named. The secret itself never reaches Postgres. No row
-- when the company or the user is not there, or the user is not of that company.
with person as (
  insert into outbound.users (company_id, kind, role, name)
  select
    %(company_id)s::uuid,
    'service',
    %(role)s,
    %(name)s
  where
    %(user_id)s::uuid is null
    and (
      %(company_id)s::uuid is null
      or exists (
        select from outbound.companies as c
        where c.id = %(company_id)s::uuid and c.deleted_at is null
      )
    )
  returning id, company_id
),

holder as (
  select
    p.id,
    p.company_id
  from person as p
  union all
  select
    u.id,
    u.company_id
  from outbound.users as u
  where
    u.id = %(user_id)s::uuid and u.company_id is not distinct from %(company_id)s::uuid
    and u.status = 'active' and u.deleted_at is null
)

insert into outbound.api_tokens as t (company_id, user_id, tier, name, hmac, last_four, scopes, expires_at)
select
  h.company_id,
  h.id,
  case when h.company_id is null then 'org' else 'company' end,
  %(name)s,
  %(hmac)s,
  %(last_four)s,
  %(scopes)s::text[],
  %(expires_at)s::timestamptz
from holder as h
returning t.id;

-- name: get_user_role :one
-- The role of the user that a token is to act as, and whether the user is a person.
select
  u.role,
  u.kind
from outbound.users as u
where u.id = %(user_id)s and u.deleted_at is null;

-- name: get_token :one
-- One token as the API shows it. Its maker is shown to callers who may see that user: a company never sees the
-- partner's people.
select
  outbound.token_document(
    t.id, t.company_id, t.user_id, m.id, t.name, t.scopes, t.last_four, t.expires_at, t.revoked_at, t.last_used_at,
    t.replaced_by, t.created_at, t.updated_at
  )::text as body
from outbound.api_tokens as t
left join outbound.users as m on t.org_id = m.org_id and t.made_by = m.id and m.deleted_at is null
where t.id = %(id)s and t.deleted_at is null;

-- name: list_tokens :one
-- A page of tokens, newest first.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    t.id,
    outbound.token_document(
      t.id, t.company_id, t.user_id, m.id, t.name, t.scopes, t.last_four, t.expires_at, t.revoked_at, t.last_used_at,
      t.replaced_by, t.created_at, t.updated_at
    ) as document
  from outbound.api_tokens as t
  left join outbound.users as m on t.org_id = m.org_id and t.made_by = m.id and m.deleted_at is null
  where
    t.deleted_at is null
    and (%(company_id)s::uuid is null or t.company_id = %(company_id)s::uuid)
    and (%(before)s::uuid is null or t.id < %(before)s::uuid)
  order by t.id desc
  limit %(page_size)s + 1
) as p;

-- name: revoke_token :one
-- Ends a token; again, when it was ended before.
update outbound.api_tokens as t
set revoked_at = coalesce(t.revoked_at, now())
where t.id = %(id)s and t.deleted_at is null
returning t.id;

-- name: lock_token :one
-- A token that still works, locked until the transaction ends; `working` says whether it does.
select
  t.id,
  t.company_id,
  t.user_id,
  t.tier,
  t.name,
  t.scopes,
  t.expires_at,
  t.replaced_by,
  u.role,
  u.kind,
  t.revoked_at is null and (t.expires_at is null or t.expires_at > now()) as working
from outbound.api_tokens as t
left join outbound.users as u on t.org_id = u.org_id and t.user_id = u.id and u.deleted_at is null
where t.id = %(id)s and t.deleted_at is null
for no key update of t;

-- name: get_end :one
-- When a token ends; no row for a session.
select t.expires_at
from outbound.api_tokens as t
where t.id = %(id)s;

-- name: add_successor :one
-- The token that takes over: the same user, name and scopes.
insert into outbound.api_tokens as t (company_id, user_id, tier, name, hmac, last_four, scopes, expires_at)
values (
  %(company_id)s, %(user_id)s, %(tier)s, %(name)s, %(hmac)s, %(last_four)s, %(scopes)s, %(expires_at)s
)
returning t.id;

-- name: retire_token :exec
-- The old one works on for a while.
update outbound.api_tokens as t
set
  replaced_by = %(new_id)s,
  expires_at = least(coalesce(t.expires_at, 'infinity'), now() + make_interval(secs => %(overlap_seconds)s))
where t.id = %(id)s;
