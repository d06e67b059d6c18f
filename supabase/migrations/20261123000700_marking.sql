-- Whom a suppression names is looked up first and by itself: joined in one go, the planner, to whom a list that has just
-- come in is a few rows, compared everybody with everybody.

set role outbound_owner;

create or replace function outbound.mark_suppressed(org uuid, company uuid, value text, reason text) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  with named as materialized (
    select
      l.org_id,
      l.company_id,
      l.id
    from outbound.leads as l
    where l.org_id = org
      and (company is null or l.company_id = company)
      and value in (l.email_normalized, l.email_domain, l.linkedin_normalized)
  )

  update outbound.campaign_leads as e
  set
    push_state = case when e.push_state = 'pending' then 'suppressed' else e.push_state end,
    push_reason = case when e.push_state = 'pending' then 'suppressed' else e.push_reason end,
    stop_state = case when e.push_state = 'pending' then e.stop_state else 'due' end,
    stop_reason = case when e.push_state = 'pending' then e.stop_reason else reason end,
    status = case when e.status in ('queued', 'active', 'paused') then 'stopped' else e.status end
  from named as n
  where e.org_id = n.org_id and e.company_id = n.company_id and e.lead_id = n.id
    and e.deleted_at is null
    and e.push_state in ('pending', 'sending', 'uncertain', 'pushed')
$$;

reset role;
