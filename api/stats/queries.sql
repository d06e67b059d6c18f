-- name: stats :one
-- What happened from one day to another, in groups, from the very figures that dashboards read.
with zone as materialized (
  select coalesce(
    %(timezone)s::text,
    (
      select k.timezone
      from outbound.companies as k
      where
        k.id = coalesce(%(company_id)s::uuid, nullif(current_setting('app.company_id', true), '')::uuid)
        and k.deleted_at is null
    ),
    'UTC'
  ) as timezone
),

range as materialized (
  select
    z.timezone,
    coalesce(%(first_day)s::date, coalesce(%(last_day)s::date, (now() at time zone z.timezone)::date) - 29) as first_day,
    coalesce(%(last_day)s::date, (now() at time zone z.timezone)::date) as last_day
  from zone as z
),

grouped as materialized (
  select
    case when %(group_by)s = 'day' then (a.hour at time zone r.timezone)::date end as day,
    case when %(group_by)s = 'company' then a.company_id end as company_id,
    case when %(group_by)s in ('campaign', 'step') then a.campaign_id end as campaign_id,
    case when %(group_by)s = 'step' then a.step end as step,
    case when %(group_by)s = 'sender' then a.sender_id end as sender_id,
    sum(a.sent)::bigint as sent,
    sum(a.opened)::bigint as opened,
    sum(a.clicked)::bigint as clicked,
    sum(a.replied)::bigint as replied,
    sum(a.auto_replied)::bigint as auto_replied,
    sum(a.bounced)::bigint as bounced,
    sum(a.unsubscribed)::bigint as unsubscribed,
    sum(a.interested)::bigint as interested,
    sum(a.connection_requests_sent)::bigint as connection_requests_sent,
    sum(a.connection_requests_accepted)::bigint as connection_requests_accepted
  from range as r
  inner join outbound.hourly_activity as a
    on
      a.hour >= r.first_day::timestamp at time zone r.timezone - interval '1 hour' -- midnight may come twice
      and a.hour < (r.last_day + 1)::timestamp at time zone r.timezone
      and (a.hour at time zone r.timezone)::date between r.first_day and r.last_day
  where
    (%(company_id)s::uuid is null or a.company_id = %(company_id)s::uuid)
    and (%(campaign_id)s::uuid is null or a.campaign_id = %(campaign_id)s::uuid)
    and (%(sender_id)s::uuid is null or a.sender_id = %(sender_id)s::uuid)
  group by 1, 2, 3, 4, 5
)

select
  json_build_object(
    'data', (
      select coalesce(json_agg(g), '[]'::json)
      from (
        select
          g.day,
          g.company_id,
          g.campaign_id,
          g.step,
          g.sender_id,
          coalesce(k.name, c.name, s.address) as name,
          g.sent,
          g.opened,
          g.clicked,
          g.replied,
          g.auto_replied,
          g.bounced,
          g.unsubscribed,
          g.interested,
          g.connection_requests_sent,
          g.connection_requests_accepted
        from grouped as g
        left join outbound.companies as k on g.company_id = k.id and k.deleted_at is null
        left join outbound.campaigns as c on g.campaign_id = c.id and c.deleted_at is null
        left join outbound.senders as s on g.sender_id = s.id and s.deleted_at is null
        order by g.day, name, g.campaign_id, g.step, g.sender_id
      ) as g
    ),
    'next_cursor', null,
    'totals', (
      select row_to_json(t)
      from (
        select
          coalesce(sum(g.sent), 0) as sent,
          coalesce(sum(g.opened), 0) as opened,
          coalesce(sum(g.clicked), 0) as clicked,
          coalesce(sum(g.replied), 0) as replied,
          coalesce(sum(g.auto_replied), 0) as auto_replied,
          coalesce(sum(g.bounced), 0) as bounced,
          coalesce(sum(g.unsubscribed), 0) as unsubscribed,
          coalesce(sum(g.interested), 0) as interested,
          coalesce(sum(g.connection_requests_sent), 0) as connection_requests_sent,
          coalesce(sum(g.connection_requests_accepted), 0) as connection_requests_accepted
        from grouped as g
      ) as t
    ),
    'group_by', %(group_by)s::text,
    'from', r.first_day,
    'to', r.last_day,
    'timezone', r.timezone
  )::text as body
from range as r;
