-- name: people_to_show :many
-- People of a company by their ids, or where none are given the first of a campaign.
select
  l.id,
  e.id as enrolment_id,
  l.email_key,
  l.first_name,
  l.last_name,
  l.company_name,
  l.custom
from outbound.leads as l
left join outbound.campaign_leads as e
  on
    l.org_id = e.org_id and l.company_id = e.company_id and l.id = e.lead_id
    and e.campaign_id = %(id)s and e.deleted_at is null
where
  l.company_id = %(company_id)s and l.deleted_at is null
  and case when %(lead_ids)s::uuid[] is null then e.id is not null else l.id = any(%(lead_ids)s::uuid[]) end
order by l.id
limit 10;

-- name: campaign :one
-- A campaign, what its company and its channel allow it, and from how many mails a day its senders write, by domain.
select
  c.id,
  c.company_id,
  c.capability,
  c.status,
  c.managed,
  c.sync_error,
  c.timezone,
  c.send_from,
  c.send_until,
  c.unsubscribe,
  k.postal_address,
  k.may_omit_unsubscribe,
  outbound.without_postal_address() = 'refuse' as require_postal_address,
  nullif(outbound.timezones_of(c.company_id, c.capability), '{}'::text[]) as timezones,
  coalesce(outbound.features_of(c.company_id, c.capability), '{}'::jsonb) as features,
  (
    select coalesce(jsonb_object_agg(d.domain, jsonb_build_object('daily', d.daily, 'auth', d.auth)), '{}'::jsonb)
    from (
      select
        split_part(s.address, '@', 2) as domain,
        sum(coalesce(s.daily_limit, 0)) as daily,
        (array_agg(s.domain_auth order by s.domain_checked_at desc nulls last))[1] as auth
      from outbound.campaign_senders as cs
      inner join outbound.senders as s
        on cs.org_id = s.org_id and cs.company_id = s.company_id and cs.sender_id = s.id
      where cs.company_id = c.company_id and cs.campaign_id = c.id and s.status = 'active' and s.deleted_at is null
      group by split_part(s.address, '@', 2)
    ) as d
    where d.domain <> ''
  ) as domains
from outbound.campaigns as c
inner join outbound.companies as k on c.org_id = k.org_id and c.company_id = k.id
where c.id = %(id)s and c.deleted_at is null;

-- name: missing_values :many
-- How many people of a campaign have no value for each of these variables, and how many there are.
select
  v.name,
  count(*) as people,
  count(*) filter (
    where coalesce(
      case v.name
        when 'first_name' then l.first_name
        when 'last_name' then l.last_name
        when 'company_name' then l.company_name
        when 'email' then l.email
        else l.custom ->> substr(v.name, 8)
      end,
      ''
    ) = ''
  ) as missing
from outbound.campaign_leads as e
inner join outbound.leads as l on e.org_id = l.org_id and e.company_id = l.company_id and e.lead_id = l.id
cross join unnest(%(names)s::text[]) as v (name)
where
  e.company_id = %(company_id)s and e.campaign_id = %(id)s and e.deleted_at is null
  and e.push_state not in ('failed', 'suppressed')
group by v.name
order by v.name;
