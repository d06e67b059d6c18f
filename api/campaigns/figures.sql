-- name: campaign_stats :one
-- A campaign in figures; no row when there is no such campaign.
select
  json_build_object(
    'campaign_id', c.id,
    'leads', (
      select
        json_build_object(
          'total', count(*),
          'pending', count(*) filter (where e.push_state = 'pending'),
          'sending', count(*) filter (where e.push_state = 'sending'),
          'pushed', count(*) filter (where e.push_state = 'pushed'),
          'uncertain', count(*) filter (where e.push_state = 'uncertain'),
          'failed', count(*) filter (where e.push_state = 'failed'),
          'suppressed', count(*) filter (where e.push_state = 'suppressed'),
          'failed_by_reason', (
            select coalesce(json_object_agg(f.reason, f.amount order by f.reason), '{}'::json)
            from (
              select
                coalesce(r.push_reason, 'not_accepted') as reason,
                count(*) as amount
              from outbound.campaign_leads as r
              where
                r.company_id = c.company_id and r.campaign_id = c.id and r.push_state = 'failed'
                and r.deleted_at is null
              group by 1
            ) as f
          )
        )
      from outbound.campaign_leads as e
      where e.company_id = c.company_id and e.campaign_id = c.id and e.deleted_at is null
    ),
    'messages', json_build_object(
      'sent', counted.sent, 'opened', counted.opened, 'clicked', counted.clicked,
      'replied', counted.replied, 'bounced', counted.bounced
    ),
    'connection_requests', json_build_object('sent', counted.requested, 'accepted', counted.accepted),
    'unsubscribed', counted.unsubscribed,
    'interested', counted.interested
  )::text as body
from outbound.campaigns as c
cross join lateral (
  select
    count(*) filter (where v.type = 'message.sent') as sent,
    count(*) filter (where v.type = 'message.opened') as opened,
    count(*) filter (where v.type = 'connection_request.sent') as requested,
    count(*) filter (where v.type = 'connection_request.accepted') as accepted,
    count(*) filter (where v.type = 'message.clicked') as clicked,
    count(*) filter (where v.type = 'message.replied') as replied,
    count(*) filter (where v.type = 'message.bounced') as bounced,
    count(*) filter (where v.type = 'lead.unsubscribed') as unsubscribed,
    count(*) filter (where v.type = 'lead.interested') as interested
  from outbound.events as v
  where v.company_id = c.company_id and v.campaign_id = c.id
) as counted
where c.id = %(id)s and c.deleted_at is null;
