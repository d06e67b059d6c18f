-- Figures: how they are kept while things happen, and how they are counted anew.

-- The step that an event names; null where it names none.
create or replace function outbound.step_number(data jsonb) returns integer
language sql immutable parallel safe
as $$
  select case when data ->> 'step' ~ '^[0-9]{1,4}$' then (data ->> 'step')::integer end
$$;

-- Counts new events of people, in the transaction that writes them: after their numbers were taken, which lets one
-- transaction of a company in at a time, and in the order of the keys. The fence binds this function's owner too, so each
-- organization is opened where no context is.
create or replace function outbound.count_events() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  alone boolean := ctx.org_id() is null;
  org uuid;
begin
  for org in
    select distinct f.org_id from fresh as f where f.campaign_id is not null and f.lead_id is not null order by 1
  loop
    if alone then
      perform ctx.set_scope(org, null, null, 'platform');
    end if;
    insert into outbound.stats_hourly as s (org_id, company_id, campaign_id, hour, type, step, sender_id, amount)
    select f.org_id, f.company_id, f.campaign_id, date_trunc('hour', f.occurred_at, 'UTC'), f.type,
      outbound.step_number(f.data), f.sender_id, count(*)
    from fresh as f
    where f.org_id = org and f.campaign_id is not null and f.lead_id is not null
    group by 1, 2, 3, 4, 5, 6, 7
    order by 1, 2, 3, 4, 5, 6, 7
    on conflict on constraint stats_hourly_once do update set amount = s.amount + excluded.amount;
    insert into outbound.stats_totals as t (org_id, company_id, campaign_id, type, amount)
    select f.org_id, f.company_id, f.campaign_id, f.type, count(*)
    from fresh as f
    where f.org_id = org and f.campaign_id is not null and f.lead_id is not null
    group by 1, 2, 3, 4
    order by 1, 2, 3, 4
    on conflict (org_id, company_id, campaign_id, type) do update set amount = t.amount + excluded.amount;
  end loop;
  if alone then
    perform set_config('app.signature', '', true);
  end if;
  return null;
end
$$;

-- Counts people who were added to campaigns.
create or replace function outbound.count_added() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  changes jsonb;
begin
  select jsonb_agg(c) into changes from (
    select f.org_id, f.company_id, f.campaign_id, f.status, f.push_state,
      case when f.push_state = 'failed' then f.push_reason end as push_reason, count(*) as amount
    from fresh as f
    where f.deleted_at is null
    group by 1, 2, 3, 4, 5, 6
  ) as c;
  perform outbound.add_counts(changes);
  return null;
end
$$;

-- Counts people who have moved from one state to another, or were deleted.
create or replace function outbound.count_moved() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  changes jsonb;
begin
  select jsonb_agg(c) into changes from (
    select m.org_id, m.company_id, m.campaign_id, m.status, m.push_state,
      case when m.push_state = 'failed' then m.push_reason end as push_reason, sum(m.sign) as amount
    from (
      select f.org_id, f.company_id, f.campaign_id, f.status, f.push_state, f.push_reason, 1 as sign
      from fresh as f
      where f.deleted_at is null
      union all
      select s.org_id, s.company_id, s.campaign_id, s.status, s.push_state, s.push_reason, -1
      from stale as s
      where s.deleted_at is null
    ) as m
    group by 1, 2, 3, 4, 5, 6
    having sum(m.sign) <> 0
  ) as c;
  perform outbound.add_counts(changes);
  return null;
end
$$;

-- Adds what a statement has changed of where people stand, an organization after the other where no context is.
create or replace function outbound.add_counts(changes jsonb) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  alone boolean := ctx.org_id() is null;
  org uuid;
begin
  if changes is null then
    return;
  end if;
  for org in select distinct c.org_id from jsonb_to_recordset(changes) as c (org_id uuid) order by 1 loop
    if alone then
      perform ctx.set_scope(org, null, null, 'platform');
    end if;
    insert into outbound.campaign_lead_counts as n (
      org_id, company_id, campaign_id, status, push_state, push_reason, amount
    )
    select c.org_id, c.company_id, c.campaign_id, c.status, c.push_state, c.push_reason, c.amount
    from jsonb_to_recordset(changes) as c (
      org_id uuid, company_id uuid, campaign_id uuid, status text, push_state text, push_reason text, amount bigint
    )
    where c.org_id = org;
    -- Now and then, so that some dozens of rows are to be read and not thousands.
    perform outbound.fold_counts(n.campaign_id)
    from (
      select distinct c.campaign_id from jsonb_to_recordset(changes) as c (org_id uuid, campaign_id uuid)
      where c.org_id = org
    ) as n
    where random() < 0.02;
  end loop;
  if alone then
    perform set_config('app.signature', '', true);
  end if;
end
$$;

-- Makes a campaign's changes one row a key. What another transaction is adding up is left to it.
create or replace function outbound.fold_counts(campaign uuid) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  with taken as (
    select n.org_id, n.id
    from outbound.campaigns as c
    inner join outbound.campaign_lead_counts as n
      on c.org_id = n.org_id and c.company_id = n.company_id and c.id = n.campaign_id
    where c.org_id = ctx.org_id() and c.id = campaign
    for update of n skip locked
  ),

  gone as (
    delete from outbound.campaign_lead_counts as n
    using taken as t
    where n.org_id = t.org_id and n.id = t.id
    returning n.org_id, n.company_id, n.campaign_id, n.status, n.push_state, n.push_reason, n.amount
  )

  insert into outbound.campaign_lead_counts (org_id, company_id, campaign_id, status, push_state, push_reason, amount)
  select g.org_id, g.company_id, g.campaign_id, g.status, g.push_state, g.push_reason, sum(g.amount)
  from gone as g
  group by g.org_id, g.company_id, g.campaign_id, g.status, g.push_state, g.push_reason
  having sum(g.amount) <> 0
$$;

-- What the hourly figures of a campaign should be and are not: what is to be added to each. Where the oldest events are
-- not kept any more, the hours before the first that are stay as they are.
create or replace function outbound.missing_hours(campaign uuid)
returns table (company_id uuid, hour timestamptz, type text, step integer, sender_id uuid, amount bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with own as (
    select c.org_id, c.company_id, c.id,
      (
        select case when v.sequence > 1 then date_trunc('hour', v.created_at, 'UTC') + interval '1 hour' end
        from outbound.events as v
        where v.org_id = c.org_id and v.company_id = c.company_id
        order by v.sequence limit 1
      ) as since
    from outbound.campaigns as c
    where c.org_id = ctx.org_id() and c.id = campaign
  ),

  both_sides as (
    select v.company_id, date_trunc('hour', v.occurred_at, 'UTC') as hour, v.type, outbound.step_number(v.data) as step,
      v.sender_id, count(*) as amount
    from own as o
    inner join outbound.events as v on o.org_id = v.org_id and o.company_id = v.company_id and o.id = v.campaign_id
    where v.lead_id is not null
    group by 1, 2, 3, 4, 5
    union all
    select s.company_id, s.hour, s.type, s.step, s.sender_id, -s.amount
    from own as o
    inner join outbound.stats_hourly as s on o.org_id = s.org_id and o.company_id = s.company_id and o.id = s.campaign_id
  )

  select b.company_id, b.hour, b.type, b.step, b.sender_id, sum(b.amount)::bigint
  from both_sides as b
  cross join own as o
  where o.since is null or b.hour >= o.since
  group by b.company_id, b.hour, b.type, b.step, b.sender_id
  having sum(b.amount) <> 0
$$;

-- The same of a campaign's totals, which are the sums of its hours.
create or replace function outbound.missing_totals(campaign uuid)
returns table (company_id uuid, type text, amount bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with both_sides as (
    select s.company_id, s.type, s.amount
    from outbound.campaigns as c
    inner join outbound.stats_hourly as s
      on c.org_id = s.org_id and c.company_id = s.company_id and c.id = s.campaign_id
    where c.org_id = ctx.org_id() and c.id = campaign
    union all
    select t.company_id, t.type, -t.amount
    from outbound.campaigns as c
    inner join outbound.stats_totals as t
      on c.org_id = t.org_id and c.company_id = t.company_id and c.id = t.campaign_id
    where c.org_id = ctx.org_id() and c.id = campaign
  )

  select b.company_id, b.type, sum(b.amount)::bigint
  from both_sides as b
  group by b.company_id, b.type
  having sum(b.amount) <> 0
$$;

-- The same of where a campaign's people stand.
create or replace function outbound.missing_counts(campaign uuid)
returns table (company_id uuid, status text, push_state text, push_reason text, amount bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with both_sides as (
    select e.company_id, e.status, e.push_state, case when e.push_state = 'failed' then e.push_reason end as push_reason,
      1 as amount
    from outbound.campaigns as c
    inner join outbound.campaign_leads as e
      on c.org_id = e.org_id and c.company_id = e.company_id and c.id = e.campaign_id
    where c.org_id = ctx.org_id() and c.id = campaign and e.deleted_at is null
    union all
    select n.company_id, n.status, n.push_state, n.push_reason, -n.amount
    from outbound.campaigns as c
    inner join outbound.campaign_lead_counts as n
      on c.org_id = n.org_id and c.company_id = n.company_id and c.id = n.campaign_id
    where c.org_id = ctx.org_id() and c.id = campaign
  )

  select b.company_id, b.status, b.push_state, b.push_reason, sum(b.amount)::bigint
  from both_sides as b
  group by b.company_id, b.status, b.push_state, b.push_reason
  having sum(b.amount) <> 0
$$;

-- Compares a campaign's figures with what they count, and mends them. Returns how many were wrong. What is written
-- meanwhile is in neither side of a comparison, and what is missing is added, so that no writer waits.
create or replace function outbound.recount(campaign uuid, mend boolean) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  org uuid := ctx.org_id();
  wrong bigint;
  total bigint := 0;
begin
  if (select s.tier from ctx.scope() as s) is distinct from 'worker' then
    raise exception 'no context' using errcode = '42501';
  end if;
  -- One at a time for a campaign: two would both add what is missing.
  perform pg_advisory_xact_lock(hashtextextended('recount:' || campaign::text, 0));
  if not mend then
    return (select count(*) from outbound.missing_hours(campaign))
      + (select count(*) from outbound.missing_totals(campaign))
      + (select count(*) from outbound.missing_counts(campaign));
  end if;
  insert into outbound.stats_hourly as s (org_id, company_id, campaign_id, hour, type, step, sender_id, amount)
  select org, m.company_id, campaign, m.hour, m.type, m.step, m.sender_id, m.amount
  from outbound.missing_hours(campaign) as m
  order by m.company_id, m.hour, m.type, m.step, m.sender_id
  on conflict on constraint stats_hourly_once do update set amount = s.amount + excluded.amount;
  get diagnostics wrong = row_count;
  total := total + wrong;
  insert into outbound.stats_totals as t (org_id, company_id, campaign_id, type, amount)
  select org, m.company_id, campaign, m.type, m.amount
  from outbound.missing_totals(campaign) as m
  order by m.company_id, m.type
  on conflict (org_id, company_id, campaign_id, type) do update set amount = t.amount + excluded.amount;
  get diagnostics wrong = row_count;
  total := total + wrong;
  insert into outbound.campaign_lead_counts as n (
    org_id, company_id, campaign_id, status, push_state, push_reason, amount
  )
  select org, m.company_id, campaign, m.status, m.push_state, m.push_reason, m.amount
  from outbound.missing_counts(campaign) as m;
  get diagnostics wrong = row_count;
  return total + wrong;
end
$$;

create or replace trigger count_events after insert on outbound.events
referencing new table as fresh for each statement execute function outbound.count_events();
create or replace trigger count_added after insert on outbound.campaign_leads
referencing new table as fresh for each statement execute function outbound.count_added();
create or replace trigger count_moved after update on outbound.campaign_leads
referencing old table as stale new table as fresh for each statement execute function outbound.count_moved();

grant execute on function outbound.recount(uuid, boolean) to outbound_worker;
grant select on outbound.stats_hourly, outbound.stats_totals, outbound.campaign_lead_counts
to outbound_org, outbound_company, outbound_worker;
