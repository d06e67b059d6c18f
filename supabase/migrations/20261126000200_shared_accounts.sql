-- One account at a provider may serve several companies of a partner. What it can send from is the account's, and
-- belongs to nobody until the partner says whose it is; a company's own senders are made from that.

set role outbound_owner;

-- Why: a mailbox or a seat as the provider lists it, and whose it is. Read by partners and workers only.
create table outbound.account_senders (
  org_id uuid not null default nullif(current_setting('app.org_id', true), '')::uuid,
  id uuid not null default outbound.uuid_v7(),
  account_id uuid not null,
  external_id text not null,
  address text not null check (length(address) between 1 and 400),
  display_name text,
  status text not null check (status in ('active', 'disconnected')),
  daily_limit integer check (daily_limit >= 0),
  warmup_status text not null default 'unknown' check (warmup_status in ('active', 'inactive', 'unknown')),
  health jsonb not null default '{}' check (jsonb_typeof(health) = 'object'),
  assigned_to uuid, -- the company
  decided_at timestamptz, -- when a partner said so; until then an account that one company uses is that company's
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  primary key (org_id, id),
  constraint account_senders_account foreign key (org_id, account_id)
  references outbound.provider_accounts (org_id, id),
  constraint account_senders_company foreign key (org_id, assigned_to) references outbound.companies (org_id, id)
);
create unique index account_senders_external on outbound.account_senders (org_id, account_id, external_id)
where deleted_at is null;
create index account_senders_list on outbound.account_senders (org_id, id desc) where deleted_at is null;

call outbound.guard('account_senders');

create trigger refuse_deleted_companies after insert on outbound.account_senders referencing new table as fresh
for each statement execute function outbound.refuse_deleted_parent(
  'companies', 'assigned_to', 'account_senders_company'
);

-- What is known of a mailbox or seat besides whether it works, in neutral words.
alter table outbound.senders add column health jsonb not null default '{}' check (jsonb_typeof(health) = 'object');

-- Since when several companies have used the account. It stays so: what one of them leaves behind must not fall to
-- another by itself.
alter table outbound.provider_accounts add column shared_at timestamptz;

-- With another key an account is another row. If it turns out to have the same senders, it is the same account still.
alter table outbound.provider_accounts add column follows uuid;
alter table outbound.provider_accounts add constraint provider_accounts_follows
foreign key (org_id, follows) references outbound.provider_accounts (org_id, id);

-- Of what a shared account may be sent, a company's part beside the others'.
alter table outbound.connections add column weight integer not null default 1 check (weight between 1 and 100);

-- The second company of an account makes it a shared one, whoever connects it. The account is held first, so that of two
-- who come at once the later sees the earlier.
create function outbound.share_account() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from outbound.provider_accounts as a
  where a.org_id = new.org_id and a.id = new.account_id
  for no key update;
  update outbound.provider_accounts as a
  set shared_at = now()
  where a.org_id = new.org_id and a.id = new.account_id and a.shared_at is null and exists (
    select from outbound.connections as k
    where k.org_id = new.org_id and k.account_id = new.account_id and k.company_id <> new.company_id
      and k.deleted_at is null
  );
  return null;
end
$$;
create trigger share_account after insert or update of account_id on outbound.connections
for each row execute function outbound.share_account();

reset role;

-- As the migrator: what is there already. Accounts that two companies use are shared; each sender is whose it was, and
-- of a shared account's it is the company's that is connected longest.
update outbound.provider_accounts as a
set shared_at = now()
where (
  select count(distinct k.company_id) from outbound.connections as k
  where k.org_id = a.org_id and k.account_id = a.id and k.deleted_at is null
) > 1;

insert into outbound.account_senders (
  org_id, account_id, external_id, address, display_name, status, daily_limit, warmup_status, assigned_to, decided_at
)
select distinct on (k.org_id, k.account_id, b.external_id)
  k.org_id,
  k.account_id,
  b.external_id,
  s.address,
  s.display_name,
  s.status,
  s.daily_limit,
  s.warmup_status,
  k.company_id,
  case when a.shared_at is not null then now() end
from outbound.sender_bindings as b
inner join outbound.connections as k on b.org_id = k.org_id and b.connection_id = k.id
inner join outbound.provider_accounts as a on k.org_id = a.org_id and k.account_id = a.id
inner join outbound.senders as s on b.org_id = s.org_id and b.sender_id = s.id
where k.deleted_at is null and s.deleted_at is null
order by k.org_id, k.account_id, b.external_id, k.created_at, k.id;
