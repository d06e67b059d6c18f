-- name: authenticator :exec
-- The role PostgREST logs in with, as Supabase makes it.
create role bench_authenticator login noinherit password 'bench';

-- name: service :exec
-- Supabase's service key: bound by no fence. Only the obvious design uses it.
create role bench_service nologin bypassrls;

-- name: memberships :exec
-- The roles that the authenticator may become.
grant dashboard_company, bench_service to bench_authenticator;

-- name: lead_view :exec
-- What the API shows of a person, and what lists filter by. The caller's own rights and fences apply.
create view dashboard.leads with (security_invoker = true) as
select
  l.org_id, l.company_id, l.id, l.email, l.domain_path, l.linkedin_url, l.first_name, l.last_name, l.company_name,
  l.custom, l.created_at, l.updated_at
from outbound.leads as l
where l.deleted_at is null;

-- name: campaign_view :exec
-- What the API shows of a campaign.
create view dashboard.campaigns with (security_invoker = true) as
select
  c.org_id,
  c.company_id,
  c.id,
  c.name,
  c.capability,
  c.status,
  json_build_object(
    'timezone', c.timezone, 'days', c.send_days,
    'start', to_char(c.send_from, 'HH24:MI'), 'end', to_char(c.send_until, 'HH24:MI'),
    'minutes_between_sends', c.minutes_between_sends, 'max_new_leads_per_day', c.max_new_leads_per_day
  ) as schedule,
  outbound.sync_document(
    c,
    exists(
      select from outbound.campaign_leads as e
      where
        e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
        and e.push_state in ('pending', 'sending', 'uncertain') and e.deleted_at is null
    ),
    exists(
      select from outbound.campaign_leads as e
      where
        e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
        and e.push_state = 'failed' and e.deleted_at is null
    )
  ) as sync,
  c.started_at,
  c.created_at,
  c.updated_at
from outbound.campaigns as c
where c.deleted_at is null;

-- name: usage :exec
-- SELECT and nothing else.
grant usage on schema dashboard, outbound, ctx to dashboard_company, bench_service;

-- name: select_grants :exec
-- SELECT and nothing else.
grant select on dashboard.leads, dashboard.campaigns, outbound.leads, outbound.campaigns, outbound.campaign_leads
to dashboard_company, bench_service;

-- name: function_grants :exec
-- What the fences and the document call.
grant execute on function ctx.scope(), ctx.org_id(), outbound.sync_document(outbound.campaigns, boolean, boolean)
to dashboard_company, bench_service;

-- name: enrolment_policy :exec
-- Dashboards do not see what is deleted.
create policy bench_dashboard on outbound.campaign_leads for select to dashboard_company using (deleted_at is null);

-- name: pre_request :exec
-- The product's own way in; what is no dashboard's passes, as on hosted Supabase.
create function bench.pre_request() returns void
language plpgsql
as $$
begin
  if current_setting('role') = 'dashboard_company' then
    perform ctx.pre_request();
  end if;
end
$$;

-- name: pre_request_usage :exec
-- Called for every request.
grant usage on schema bench to dashboard_company, bench_service;
