-- Sandboxes: organizations whose connections talk to simulators, by the same code path.

set role outbound_owner;

-- Said once, when the organization is made: no role may change it, so that a test never becomes real.
alter table outbound.organizations add column sandbox boolean not null default false;

alter table outbound.connections add column environment text not null default 'live'
check (environment in ('live', 'test'));

-- Whatever was asked for: a sandbox's connections are tests, and nobody else's are.
create function outbound.take_environment() returns trigger
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Where the organization is not seen, the fence refuses the row after this.
  new.environment := case
    when exists (select from outbound.organizations as o where o.id = new.org_id and o.sandbox) then 'test' else 'live'
  end;
  return new;
end
$$;
create trigger take_environment before insert or update of environment on outbound.connections
for each row execute function outbound.take_environment();

reset role;
