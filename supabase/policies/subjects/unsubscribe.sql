-- The page on which people unsubscribe.

-- The door for it: the ticket's document names an organization and a person's place in a campaign, after our process has
-- verified the link's own HMAC. The person is listed by address and by profile, even where the person, the campaign or
-- the place has been deleted since; of what is gone altogether nothing happens. Answers nothing, so that nothing is
-- learned.
create or replace function ctx.unsubscribe(ticket text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  named jsonb := ctx.ticket_document(ticket, 'unsubscribe');
  org uuid := (named ->> 'org_id')::uuid;
  place outbound.campaign_leads;
  written bigint;
begin
  if not exists (select from ctx.tenants as t where t.org_id = org and t.deleted_at is null) then
    return;
  end if;
  perform ctx.set_scope(org, null, null, 'auth');
  select e.* into place
  from outbound.campaign_leads as e
  where e.org_id = org and e.id = (named ->> 'enrolment_id')::uuid;
  if found and exists (
    select from outbound.companies as c
    where c.org_id = org and c.id = place.company_id and c.status <> 'deleting' and c.deleted_at is null
  ) then
    with listed as (
      insert into outbound.suppressions as s (org_id, company_id, kind, value, value_key, source)
      select l.org_id, l.company_id, known.kind, known.value, known.key, 'unsubscribed'
      from outbound.leads as l
      cross join lateral (
        values ('email', l.email, l.email_key), ('linkedin_url', l.linkedin_url, l.linkedin_key)
      ) as known (kind, value, key)
      where l.org_id = org and l.company_id = place.company_id and l.id = place.lead_id and known.key is not null
      on conflict (org_id, company_id, value_key) where deleted_at is null
        do update set source = excluded.source where s.source <> excluded.source
      returning 1
    )

    select count(*) into written from listed;
    if written > 0 then
      update outbound.campaign_leads as e
      set status = 'unsubscribed'
      where e.org_id = org and e.id = place.id and e.deleted_at is null and e.status <> 'unsubscribed';
      if found then
        insert into outbound.events (org_id, company_id, sequence, type, campaign_id, lead_id, data, occurred_at)
        select
          org, place.company_id, outbound.take_seq(org, place.company_id, 1) + 1, 'lead.unsubscribed',
          place.campaign_id, place.lead_id, jsonb_build_object('step', null), now();
      end if;
      perform jobs.wake(place.company_id, true);
    end if;
  end if;
  perform set_config('app.signature', '', true);
end
$$;
