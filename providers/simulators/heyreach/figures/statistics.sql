-- What was done between two moments, oldest first; ?1 is an object, in which empty lists let everything pass.
select a.* from actions a
where a.workspace_id = ?1 ->> 'workspace' and a.at between ?1 ->> 'first' and ?1 ->> 'last'
    and (?1 ->> 'accounts' = '[]' or a.account_id in (select value from json_each(?1, '$.accounts')))
    and (?1 ->> 'campaigns' = '[]' or a.campaign_id in (select value from json_each(?1, '$.campaigns')))
order by a.at, a.id
