-- name: begin_block_list :one
-- Whether an account's own block list is to be looked at now. What comes up from here on is another turn's.
update outbound.provider_accounts as a
set block_list_due = false
where a.id = %(account_id)s and a.block_list_due and (a.block_list_after is null or a.block_list_after <= now())
returning a.id;

-- name: entries_to_add :many
-- What stands on the lists of the one company that uses an account, or of its organization, and not yet on the account's.
-- Nothing for an account that several companies use or have used, nor what no address in ASCII can say.
with sole as (
  select
    a.org_id,
    a.id,
    (array_agg(distinct k.company_id))[1] as company_id
  from outbound.provider_accounts as a
  inner join outbound.connections as k on a.org_id = k.org_id and a.id = k.account_id
  where
    a.id = %(account_id)s and a.shared_at is null
    and k.status = 'connected' and k.closing_at is null and k.deleted_at is null
  group by a.org_id, a.id
  having count(distinct k.company_id) = 1
)

select distinct s.value_key as entry
from sole as o
inner join outbound.suppressions as s
  on o.org_id = s.org_id and (o.company_id = s.company_id or s.company_id is null)
where
  s.kind in ('email', 'domain') and s.deleted_at is null and s.value_key not like '%%:%%'
  and not exists (
    select from outbound.block_list_entries as b
    where b.org_id = o.org_id and b.account_id = o.id and b.entry = s.value_key
  )
order by 1
limit %(amount)s;

-- name: entries_to_remove :many
-- What we have put on an account's list and what nobody's list says any more, or may not say there any more.
select b.entry
from outbound.block_list_entries as b
inner join outbound.provider_accounts as a on b.org_id = a.org_id and b.account_id = a.id
where
  b.account_id = %(account_id)s
  and (
    a.shared_at is not null
    or not exists (
      select
      from outbound.suppressions as s
      where
        s.org_id = b.org_id and s.value_key = b.entry and s.deleted_at is null
        and (
          s.company_id is null
          or exists (
            select from outbound.connections as k
            where
              k.org_id = b.org_id and k.account_id = b.account_id and k.company_id = s.company_id
              and k.closing_at is null and k.deleted_at is null
          )
        )
    )
  )
order by b.entry
limit %(amount)s;

-- name: note_added :exec
-- Notes what was put on an account's list. Where this is lost it is put there again, which changes nothing.
insert into outbound.block_list_entries as b (account_id, entry)
select
  %(account_id)s,
  e.entry
from unnest(%(entries)s::text[]) as e (entry)
on conflict (org_id, account_id, entry) do nothing;

-- name: note_removed :exec
-- Forgets what was taken off an account's list.
delete from outbound.block_list_entries as b
where b.account_id = %(account_id)s and b.entry = any(%(entries)s::text[]);

-- name: unread_entries :one
-- How many entries of ours nobody has seen on the account's list yet.
select count(*) as amount
from outbound.block_list_entries as b
where b.account_id = %(account_id)s and b.seen_at is null and b.refused_at is null;

-- name: note_read :exec
-- Notes which of our entries were seen on the account's list; the others were not taken, and are not sent again.
update outbound.block_list_entries as b
set
  seen_at = case when b.entry = any(%(entries)s::text[]) then now() end,
  refused_at = case when b.entry = any(%(entries)s::text[]) then null else now() end
where b.account_id = %(account_id)s and b.seen_at is null and b.refused_at is null;

-- name: look_again :exec
-- Has the account's list looked at again, later where the provider has refused to show or change it.
update outbound.provider_accounts as a
set
  block_list_due = true,
  block_list_after = case when %(seconds)s > 0 then now() + make_interval(secs => %(seconds)s) end
where a.id = %(account_id)s;
