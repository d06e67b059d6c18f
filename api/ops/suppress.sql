-- name: put_platform_suppressions :many
-- Adds entries to the platform's list and returns the new ones; what is there already stays, but covers more where the
-- new entry does, and its people are marked anew.
insert into outbound.platform_suppressions as p (kind, value, value_key, include_subdomains, include_tags, source)
select
  r.kind,
  r.value,
  r.key,
  r.subdomains,
  r.tags,
  %(source)s
from jsonb_to_recordset(%(entries)s::jsonb) as r (kind text, value text, key text, subdomains boolean, tags boolean)
order by r.key
on conflict (value_key) do update set
  include_subdomains = p.include_subdomains or excluded.include_subdomains,
  include_tags = p.include_tags or excluded.include_tags,
  number = default
where
  (excluded.include_subdomains and not p.include_subdomains) or (excluded.include_tags and not p.include_tags)
returning p.value_key as key, xmax = 0 as is_new;

-- name: list_platform_suppressions :many
-- The platform's list, in order of its keys, from one on.
select
  p.kind,
  p.value,
  p.value_key as key,
  p.include_subdomains,
  p.include_tags,
  p.source,
  p.created_at
from outbound.platform_suppressions as p
where p.value_key > %(after)s
order by p.value_key
limit 1000;

-- name: delete_platform_suppression :one
-- Takes an entry off the platform's list.
delete from outbound.platform_suppressions as p
where p.value_key = %(key)s or (p.include_tags and p.value_key = %(bare)s)
returning p.value_key as key;

-- name: leads_to_fold :many
-- The next people of an organization, as they were given and as they are compared.
select
  l.id,
  l.company_id,
  l.email,
  l.email_key,
  l.linkedin_url,
  l.linkedin_key
from outbound.leads as l
where l.id > %(after)s and l.deleted_at is null
order by l.id
limit %(amount)s;

-- name: fold_lead :exec
-- Gives a person the keys of this version, unless another of the company has one of them.
update outbound.leads as l
set
  email_key = %(email_key)s,
  domain_key = split_part(%(email_key)s, '@', 2),
  linkedin_key = %(linkedin_key)s
where
  l.id = %(id)s
  and not exists (
    select from outbound.leads as o
    where
      o.company_id = l.company_id and o.id <> l.id and o.deleted_at is null
      and (o.email_key = %(email_key)s or o.linkedin_key = %(linkedin_key)s)
  );

-- name: suppressions_to_fold :many
-- The next entries of an organization's lists.
select
  s.id,
  s.company_id,
  s.kind,
  s.value,
  s.value_key,
  s.include_tags
from outbound.suppressions as s
where s.id > %(after)s and s.deleted_at is null
order by s.id
limit %(amount)s;

-- name: fold_suppression :exec
-- Gives an entry the key of this version, unless another has it, and has the people that it covers now marked.
update outbound.suppressions as s
set
  value_key = %(key)s,
  marked_at = null
where
  s.id = %(id)s
  and not exists (
    select from outbound.suppressions as o
    where
      o.company_id is not distinct from s.company_id and o.id <> s.id and o.value_key = %(key)s
      and o.deleted_at is null
  );
