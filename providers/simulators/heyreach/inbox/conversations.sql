-- The conversations that can be seen at a moment and that pass the filters, the latest message first.
-- ?1 is an object: now, workspace, and the filters, of which null, '' and [] let everything pass.
with seen as (
    select c.*, m.created_at as last_at
    from conversations c
    join messages m on m.id = (
        select n.id from messages n
        where n.conversation_id = c.id and n.visible_at <= ?1 ->> 'now'
        order by n.created_at desc, n.id desc limit 1
    )
    where c.workspace_id = ?1 ->> 'workspace'
)
select s.* from seen s
join profiles p on p.id = s.profile_id
where (?1 ->> 'accounts' = '[]' or s.account_id in (select value from json_each(?1, '$.accounts')))
    and (?1 ->> 'campaigns' = '[]' or exists (
        select 1 from campaign_leads l
        where l.profile_id = s.profile_id and l.account_id = s.account_id
            and l.campaign_id in (select value from json_each(?1, '$.campaigns'))
    ))
    and (?1 ->> 'tags' = '[]' or exists (
        select 1 from profile_tags t
        where t.profile_id = s.profile_id and t.tag in (select value from json_each(?1, '$.tags'))
    ))
    and (?1 ->> 'url' is null or p.url = ?1 ->> 'url')
    and (?1 ->> 'member' is null or p.linkedin_id = ?1 ->> 'member')
    and (?1 ->> 'seen' is null or s.read = ?1 ->> 'seen')
    and (
        ?1 ->> 'word' = ''
        or instr(lower(coalesce(p.first_name, '') || ' ' || coalesce(p.last_name, '')), ?1 ->> 'word') > 0
        or exists (
            select 1 from messages n
            where n.conversation_id = s.id and n.visible_at <= ?1 ->> 'now'
                and instr(lower(n.body), ?1 ->> 'word') > 0
        )
    )
    and (?1 ->> 'first' is null or s.last_at >= ?1 ->> 'first')
    and (?1 ->> 'last' is null or s.last_at <= ?1 ->> 'last')
    and (?1 ->> 'after_at' is null or (s.last_at, s.id) < (?1 ->> 'after_at', ?1 ->> 'after_id'))
order by s.last_at desc, s.id desc
