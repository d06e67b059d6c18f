-- name: campaign_stats :one
-- A campaign in figures; no row when there is no such campaign.
select
  json_build_object(
    'campaign_id', c.id,
    'leads', json_build_object(
      'total', people.total, 'pending', people.pending, 'sending', people.sending, 'pushed', people.pushed,
      'uncertain', people.uncertain, 'failed', people.failed, 'suppressed', people.suppressed,
      'failed_by_reason', (
        select coalesce(json_object_agg(f.reason, f.amount order by f.reason), '{}'::json)
        from (
          select
            coalesce(n.push_reason, 'not_accepted') as reason,
            sum(n.amount) as amount
          from outbound.campaign_lead_counts as n
          where n.company_id = c.company_id and n.campaign_id = c.id and n.push_state = 'failed'
          group by 1
          having sum(n.amount) > 0
        ) as f
      )
    ),
    'messages', json_build_object(
      'sent', happened.sent, 'opened', happened.opened, 'clicked', happened.clicked,
      'replied', happened.replied, 'bounced', happened.bounced
    ),
    'connection_requests', json_build_object('sent', happened.requested, 'accepted', happened.accepted),
    'unsubscribed', happened.unsubscribed,
    'interested', happened.interested
  )::text as body
from outbound.campaigns as c
cross join lateral (
  select
    coalesce(sum(n.amount), 0) as total,
    coalesce(sum(n.amount) filter (where n.push_state = 'pending'), 0) as pending,
    coalesce(sum(n.amount) filter (where n.push_state = 'sending'), 0) as sending,
    coalesce(sum(n.amount) filter (where n.push_state = 'pushed'), 0) as pushed,
    coalesce(sum(n.amount) filter (where n.push_state = 'uncertain'), 0) as uncertain,
    coalesce(sum(n.amount) filter (where n.push_state = 'failed'), 0) as failed,
    coalesce(sum(n.amount) filter (where n.push_state = 'suppressed'), 0) as suppressed
  from outbound.campaign_lead_counts as n
  where n.company_id = c.company_id and n.campaign_id = c.id
) as people
cross join lateral (
  select
    coalesce(sum(t.amount) filter (where t.type = 'message.sent'), 0) as sent,
    coalesce(sum(t.amount) filter (where t.type = 'message.opened'), 0) as opened,
    coalesce(sum(t.amount) filter (where t.type = 'connection_request.sent'), 0) as requested,
    coalesce(sum(t.amount) filter (where t.type = 'connection_request.accepted'), 0) as accepted,
    coalesce(sum(t.amount) filter (where t.type = 'message.clicked'), 0) as clicked,
    coalesce(sum(t.amount) filter (where t.type = 'message.replied'), 0) as replied,
    coalesce(sum(t.amount) filter (where t.type = 'message.bounced'), 0) as bounced,
    coalesce(sum(t.amount) filter (where t.type = 'lead.unsubscribed'), 0) as unsubscribed,
    coalesce(sum(t.amount) filter (where t.type = 'lead.interested'), 0) as interested
  from outbound.stats_totals as t
  where t.company_id = c.company_id and t.campaign_id = c.id
) as happened
where c.id = %(id)s and c.deleted_at is null;

-- name: list_campaigns_with_stats :one
-- A page of campaigns, newest first, with the figures of each, from the sums that dashboards read.
select outbound.page(array_agg(p.id::text), array_agg(p.document), %(page_size)s) as body
from (
  select
    c.id,
    (
      outbound.campaign_document(
        c,
        exists (
          select from outbound.campaign_leads as e
          where
            e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
            and e.push_state in ('pending', 'sending', 'uncertain') and e.status <> 'paused' and e.deleted_at is null
        ),
        exists (
          select from outbound.campaign_leads as e
          where
            e.org_id = c.org_id and e.company_id = c.company_id and e.campaign_id = c.id
            and e.push_state = 'failed' and e.deleted_at is null
        )
      )::jsonb || jsonb_build_object('stats', (
        select row_to_json(t)
        from (
          select
            coalesce(sum(a.sent), 0) as sent,
            coalesce(sum(a.opened), 0) as opened,
            coalesce(sum(a.clicked), 0) as clicked,
            coalesce(sum(a.replied), 0) as replied,
            coalesce(sum(a.auto_replied), 0) as auto_replied,
            coalesce(sum(a.bounced), 0) as bounced,
            coalesce(sum(a.unsubscribed), 0) as unsubscribed,
            coalesce(sum(a.interested), 0) as interested,
            coalesce(sum(a.connection_requests_sent), 0) as connection_requests_sent,
            coalesce(sum(a.connection_requests_accepted), 0) as connection_requests_accepted
          from outbound.campaign_activity as a
          where a.company_id = c.company_id and a.campaign_id = c.id
        ) as t
      ))
    )::json as document
  from outbound.campaigns as c
  where
    c.deleted_at is null
    and (%(company_id)s::uuid is null or c.company_id = %(company_id)s::uuid)
    and (%(status)s::text is null or c.status = %(status)s::text)
    and c.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  order by c.id desc
  limit %(page_size)s + 1
) as p;
