-- name: put_provider :many
-- Writes a provider's row as it is declared, where it is not so yet, and returns its key if anything was written.
insert into outbound.providers as p (capability, key, title, features)
values (%(capability)s, %(key)s, %(title)s, %(features)s::jsonb)
on conflict (capability, key) do update
  set title = excluded.title, features = excluded.features
  where (p.title, p.features) is distinct from (excluded.title, excluded.features)
returning p.key;

-- name: undeclared_providers :many
-- Providers of earlier versions: what was done through them still names them.
select p.key
from outbound.providers as p
where p.key <> all(%(keys)s::text[])
order by p.key;
