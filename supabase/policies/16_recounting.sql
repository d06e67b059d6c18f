-- Counting figures anew: what they should be, beside what `subjects/stats.sql` kept.

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
returns table (company_id uuid, type text, step integer, amount bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with both_sides as (
    select s.company_id, s.type, s.step, s.amount
    from outbound.campaigns as c
    inner join outbound.stats_hourly as s
      on c.org_id = s.org_id and c.company_id = s.company_id and c.id = s.campaign_id
    where c.org_id = ctx.org_id() and c.id = campaign
    union all
    select t.company_id, t.type, t.step, -t.amount
    from outbound.campaigns as c
    inner join outbound.stats_totals as t
      on c.org_id = t.org_id and c.company_id = t.company_id and c.id = t.campaign_id
    where c.org_id = ctx.org_id() and c.id = campaign
  )

  select b.company_id, b.type, b.step, sum(b.amount)::bigint
  from both_sides as b
  group by b.company_id, b.type, b.step
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

-- The same of how many were handed over when; who was deleted since has been handed over all the same.
create or replace function outbound.missing_handovers(campaign uuid)
returns table (company_id uuid, hour timestamptz, amount bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with both_sides as (
    select e.company_id, date_trunc('hour', e.pushed_at, 'UTC') as hour, 1 as amount
    from outbound.campaigns as c
    inner join outbound.campaign_leads as e
      on c.org_id = e.org_id and c.company_id = e.company_id and c.id = e.campaign_id
    where c.org_id = ctx.org_id() and c.id = campaign and e.pushed_at is not null
    union all
    select n.company_id, n.hour, -n.amount
    from outbound.campaigns as c
    inner join outbound.handover_counts as n
      on c.org_id = n.org_id and c.company_id = n.company_id and c.id = n.campaign_id
    where c.org_id = ctx.org_id() and c.id = campaign
  )

  select b.company_id, b.hour, sum(b.amount)::bigint
  from both_sides as b
  group by b.company_id, b.hour
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
      + (select count(*) from outbound.missing_counts(campaign))
      + (select count(*) from outbound.missing_handovers(campaign));
  end if;
  insert into outbound.stats_hourly as s (org_id, company_id, campaign_id, hour, type, step, sender_id, amount)
  select org, m.company_id, campaign, m.hour, m.type, m.step, m.sender_id, m.amount
  from outbound.missing_hours(campaign) as m
  order by m.company_id, m.hour, m.type, m.step, m.sender_id
  on conflict on constraint stats_hourly_once do update set amount = s.amount + excluded.amount;
  get diagnostics wrong = row_count;
  total := total + wrong;
  insert into outbound.stats_totals as t (org_id, company_id, campaign_id, type, step, amount)
  select org, m.company_id, campaign, m.type, m.step, m.amount
  from outbound.missing_totals(campaign) as m
  order by m.company_id, m.type, m.step
  on conflict on constraint stats_totals_once do update set amount = t.amount + excluded.amount;
  get diagnostics wrong = row_count;
  total := total + wrong;
  insert into outbound.campaign_lead_counts as n (
    org_id, company_id, campaign_id, status, push_state, push_reason, amount
  )
  select org, m.company_id, campaign, m.status, m.push_state, m.push_reason, m.amount
  from outbound.missing_counts(campaign) as m;
  get diagnostics wrong = row_count;
  total := total + wrong;
  insert into outbound.handover_counts (org_id, company_id, campaign_id, hour, amount)
  select org, m.company_id, campaign, m.hour, m.amount
  from outbound.missing_handovers(campaign) as m;
  get diagnostics wrong = row_count;
  return total + wrong;
end
$$;

grant execute on function outbound.recount(uuid, boolean) to outbound_worker;
