-- name: lock_campaign :one
-- The campaign that people are added to. What they refer to is locked alike by their foreign key; a trigger, not this
-- lock, keeps them out of one that is deleted meanwhile.
select
  c.id,
  c.company_id,
  c.capability,
  c.status,
  c.rest_days,
  c.skip_if_in_other_campaign
from outbound.campaigns as c
where c.id = %(id)s and c.deleted_at is null
for key share;

-- name: campaign_exists :one
-- Whose campaign it is; no row where it is not the caller's, or deleted.
select c.company_id
from outbound.campaigns as c
where c.id = %(id)s and c.deleted_at is null;

-- name: list_campaign_leads :one
-- A page of a campaign's people, newest first; no row when there is no such campaign.
select
  (
    select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s)
    from (
      select
        e.id,
        outbound.campaign_lead_document(e, l) as document
      from outbound.campaign_leads as e
      inner join outbound.leads as l
        on e.org_id = l.org_id and e.company_id = l.company_id and e.lead_id = l.id
      where
        e.company_id = c.company_id and e.campaign_id = c.id and e.deleted_at is null and l.deleted_at is null
        and e.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
      order by e.id desc
      limit %(page_size)s + 1
    ) as p
  ) as body
from outbound.campaigns as c
where c.id = %(campaign_id)s and c.deleted_at is null;

-- name: list_campaign_leads_by_state :one
-- The same of those that are in one of these states: the newest of each pair of states, and of those the newest. So what
-- is read is what is shown, and not everybody who is in another state.
select
  (
    select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s)
    from (
      select
        found.id,
        found.document
      from unnest(%(statuses)s::text[]) as st (status)
      cross join unnest(%(push_states)s::text[]) as ps (push_state)
      cross join lateral (
        select
          e.id,
          outbound.campaign_lead_document(e, l) as document
        from outbound.campaign_leads as e
        cross join lateral (
          select known.*
          from outbound.leads as known
          where known.company_id = e.company_id and known.id = e.lead_id and known.deleted_at is null
          offset 0
        ) as l
        where
          e.company_id = c.company_id and e.campaign_id = c.id and e.deleted_at is null
          and e.status = st.status and e.push_state = ps.push_state
          and e.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
        order by e.id desc
        limit %(page_size)s + 1
      ) as found
      order by found.id desc
      limit %(page_size)s + 1
    ) as p
  ) as body
from outbound.campaigns as c
where c.id = %(campaign_id)s and c.deleted_at is null;

-- name: lock_enrolment :one
-- One person in one campaign, held until the transaction ends, and whether somebody has been told of them who can pause.
select
  e.id,
  e.company_id,
  e.status,
  e.status = 'paused' and e.rests_until is null as rests_for_good,
  e.push_state in ('sending', 'uncertain', 'pushed') as told,
  coalesce((outbound.features_of(e.company_id, c.capability) ->> 'lead_pause')::boolean, false) as can_pause
from outbound.campaign_leads as e
inner join outbound.campaigns as c on e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
where
  e.campaign_id = %(campaign_id)s and e.lead_id = %(lead_id)s and e.deleted_at is null and c.deleted_at is null
for no key update of e;

-- name: get_enrolment :one
-- One person in one campaign as the API shows them.
select outbound.campaign_lead_document(e, l)::text as body
from outbound.campaign_leads as e
inner join outbound.leads as l on e.org_id = l.org_id and e.company_id = l.company_id and e.lead_id = l.id
where e.id = %(id)s and e.deleted_at is null and l.deleted_at is null;

-- name: pause_enrolment :exec
-- Has a person rest. Who was handed over must be paused at the provider, which may be told twice.
update outbound.campaign_leads as e
set
  status = 'paused',
  rests_until = null,
  pause_state = case when e.push_state in ('sending', 'uncertain', 'pushed') then 'pause' end
where e.id = %(id)s;

-- name: resume_enrolment :exec
-- Has a person go on. Who was paused at the provider, or is just being, must be resumed there.
update outbound.campaign_leads as e
set
  status = case when e.push_state = 'pushed' then 'active' else 'queued' end,
  rests_until = null,
  pause_state = case when e.pause_state is not null then 'resume' end
where e.id = %(id)s;

-- name: remove_enrolment :exec
-- Takes a person out of a campaign; a trigger has whoever was handed over stopped at the provider.
update outbound.campaign_leads as e
set
  status = 'stopped',
  rests_until = null
where e.id = %(id)s;
