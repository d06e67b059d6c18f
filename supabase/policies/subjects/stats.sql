-- Figures: how they are kept while things happen. `16_recounting.sql` counts them anew.

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
    insert into outbound.stats_totals as t (org_id, company_id, campaign_id, type, step, amount)
    select f.org_id, f.company_id, f.campaign_id, f.type, outbound.step_number(f.data), count(*)
    from fresh as f
    where f.org_id = org and f.campaign_id is not null and f.lead_id is not null
    group by 1, 2, 3, 4, 5
    order by 1, 2, 3, 4, 5
    on conflict on constraint stats_totals_once do update set amount = t.amount + excluded.amount;
  end loop;
  if alone then
    perform set_config('app.signature', '', true);
  end if;
  return null;
end
$$;

-- Counts people who were added to campaigns, and those of them that were handed over before.
create or replace function outbound.count_added() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  changes jsonb;
  handed_over jsonb;
begin
  select jsonb_agg(c) into changes from (
    select f.org_id, f.company_id, f.campaign_id, f.status, f.push_state,
      case when f.push_state = 'failed' then f.push_reason end as push_reason, count(*) as amount
    from fresh as f
    where f.deleted_at is null
    group by 1, 2, 3, 4, 5, 6
  ) as c;
  select jsonb_agg(c) into handed_over from (
    select f.org_id, f.company_id, f.campaign_id, date_trunc('hour', f.pushed_at, 'UTC') as hour, count(*) as amount
    from fresh as f
    where f.pushed_at is not null
    group by 1, 2, 3, 4
  ) as c;
  perform outbound.add_counts(changes, handed_over);
  return null;
end
$$;

-- Counts people who have moved from one state to another, were deleted, or were handed over: that stays, whatever becomes
-- of them.
create or replace function outbound.count_moved() returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  changes jsonb;
  handed_over jsonb;
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
  select jsonb_agg(c) into handed_over from (
    select m.org_id, m.company_id, m.campaign_id, date_trunc('hour', m.pushed_at, 'UTC') as hour, sum(m.sign) as amount
    from (
      select f.org_id, f.company_id, f.campaign_id, f.pushed_at, 1 as sign from fresh as f where f.pushed_at is not null
      union all
      select s.org_id, s.company_id, s.campaign_id, s.pushed_at, -1 from stale as s where s.pushed_at is not null
    ) as m
    group by 1, 2, 3, 4
    having sum(m.sign) <> 0
  ) as c;
  perform outbound.add_counts(changes, handed_over);
  return null;
end
$$;

-- Adds what a statement has changed of where people stand and of how many were handed over, an organization after the
-- other where no context is.
create or replace function outbound.add_counts(changes jsonb, handed_over jsonb) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  alone boolean := ctx.org_id() is null;
  every jsonb := coalesce(changes, '[]') || coalesce(handed_over, '[]');
  org uuid;
begin
  for org in select distinct c.org_id from jsonb_to_recordset(every) as c (org_id uuid) order by 1 loop
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
    insert into outbound.handover_counts (org_id, company_id, campaign_id, hour, amount)
    select c.org_id, c.company_id, c.campaign_id, c.hour, c.amount
    from jsonb_to_recordset(handed_over) as c (
      org_id uuid, company_id uuid, campaign_id uuid, hour timestamptz, amount bigint
    )
    where c.org_id = org;
    -- Now and then, so that some dozens of rows are to be read and not thousands.
    perform outbound.fold_counts(n.campaign_id)
    from (
      select distinct c.campaign_id from jsonb_to_recordset(every) as c (org_id uuid, campaign_id uuid)
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
  having sum(g.amount) <> 0;

  with taken as (
    select n.org_id, n.id
    from outbound.campaigns as c
    inner join outbound.handover_counts as n
      on c.org_id = n.org_id and c.company_id = n.company_id and c.id = n.campaign_id
    where c.org_id = ctx.org_id() and c.id = campaign
    for update of n skip locked
  ),

  gone as (
    delete from outbound.handover_counts as n
    using taken as t
    where n.org_id = t.org_id and n.id = t.id
    returning n.org_id, n.company_id, n.campaign_id, n.hour, n.amount
  )

  insert into outbound.handover_counts (org_id, company_id, campaign_id, hour, amount)
  select g.org_id, g.company_id, g.campaign_id, g.hour, sum(g.amount)
  from gone as g
  group by g.org_id, g.company_id, g.campaign_id, g.hour
  having sum(g.amount) <> 0
$$;

create or replace trigger count_events after insert on outbound.events
referencing new table as fresh for each statement execute function outbound.count_events();
create or replace trigger count_added after insert on outbound.campaign_leads
referencing new table as fresh for each statement execute function outbound.count_added();
create or replace trigger count_moved after update on outbound.campaign_leads
referencing old table as stale new table as fresh for each statement execute function outbound.count_moved();

grant select
on outbound.stats_hourly, outbound.stats_totals, outbound.campaign_lead_counts, outbound.handover_counts
to outbound_org, outbound_company, outbound_worker;
