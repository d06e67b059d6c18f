-- name: put_provider :many
-- Writes a provider's row as it is declared, where it is not so yet, and returns its key if anything was written.
insert into outbound.providers as p (capability, key, title, features, block_list, starts_before_leads, timezones)
values (%(capability)s, %(key)s, %(title)s, %(features)s::jsonb, %(block_list)s, %(starts_before_leads)s, %(timezones)s::text[])
on conflict (capability, key) do update
  set
    title = excluded.title, features = excluded.features, block_list = excluded.block_list,
    starts_before_leads = excluded.starts_before_leads, timezones = excluded.timezones
  where
    (p.title, p.features, p.block_list, p.starts_before_leads, p.timezones)
    is distinct from (
      excluded.title, excluded.features, excluded.block_list, excluded.starts_before_leads, excluded.timezones
    )
returning p.key;

-- name: undeclared_providers :many
-- Providers of earlier versions: what was done through them still names them.
select p.key
from outbound.providers as p
where p.key <> all(%(keys)s::text[])
order by p.key;

-- name: are_declared :one
-- Whether the rows were last written from exactly this.
select f.name
from ctx.applied_files as f
where f.name = 'providers' and f.sha256 = %(sha256)s;

-- name: note_declared :exec
-- Notes what providers declared, so that the next run need not look at their table.
insert into ctx.applied_files as f (name, sha256)
values ('providers', %(sha256)s)
on conflict (name) do update set sha256 = excluded.sha256, applied_at = now();
