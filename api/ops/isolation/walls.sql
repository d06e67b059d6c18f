-- name: suppress :exec
-- Puts an address on a list of a tenant's; without a company it is the organization's.
insert into outbound.suppressions (org_id, company_id, kind, value, value_key)
values (%(org)s, %(company)s, 'email', %(email)s, %(email)s);

-- name: suppress_everywhere :exec
-- Puts an address on the platform's list.
insert into outbound.platform_suppressions (kind, value, value_key) values ('email', %(email)s, %(email)s);

-- name: list_oneself :exec
-- Puts an address on the list of the context's tenant, by a certain source.
insert into outbound.suppressions (kind, value, value_key, source)
values ('email', 'list@oneself.example', 'list@oneself.example', %(source)s);

-- name: mail_of_lead :one
-- The address of the person of an enrolment.
select l.email_key as email
from outbound.leads as l
where l.org_id = %(org)s and l.id = %(lead)s;

-- name: mark :one
-- Marks the people that new entries cover, as the job behind them does.
select outbound.mark_suppressed(1000) as marked;

-- name: ledger :one
-- What the ledger says of an enrolment.
select e.push_state as state
from outbound.campaign_leads as e
where e.id = %(id)s;

-- name: hand_over :one
-- Hands a person over, as a lane does.
update outbound.campaign_leads
set push_state = 'sending', push_attempt_id = outbound.uuid_v7(), push_attempted_at = now()
where id = %(id)s
returning push_state as state;

-- name: send_answer :one
-- Begins to send an answer, as a lane does.
update outbound.messages
set state = 'sending', attempt_id = outbound.uuid_v7()
where id = %(id)s
returning state;

-- name: push_back :exec
-- An arrow that the ledger does not have.
update outbound.campaign_leads set push_state = 'failed'
where id = %(id)s;

-- name: answer_back :exec
-- An arrow that an answer does not have.
update outbound.messages set state = 'sent'
where id = %(id)s;

-- name: enrol_anew :exec
-- An enrolment that waits to be handed over, of a campaign that runs.
update outbound.campaign_leads
set push_state = 'pending', push_attempt_id = null, pushed_at = null, stop_state = null, stop_reason = null,
  status = 'queued'
where id = %(id)s;

-- name: run_campaign :exec
-- Puts a campaign into a state.
update outbound.campaigns set status = %(status)s, pause_reason = null, started_at = now()
where id = %(id)s;

-- name: queue_answer :exec
-- An answer that waits to be sent.
update outbound.messages
set direction = 'outgoing', state = 'queued', attempt_id = null, sent_at = null, external_id = null
where id = %(id)s;

-- name: start_campaign :exec
-- Starts a campaign, as a company does.
update outbound.campaigns set status = 'active'
where id = %(id)s;

-- name: turn_company :exec
-- Puts a company into a state.
update outbound.companies set status = %(status)s
where id = %(id)s;

-- name: turn_organization :exec
-- Puts an organization into a state.
update outbound.organizations set status = %(status)s
where id = %(id)s;

-- name: disconnect_all :exec
-- Leaves a company without a connection whose provider still has something to stop.
update outbound.connections set status = 'disconnected', credential = null
where company_id = %(id)s;

-- name: erase :one
-- Asks for what is left of a tenant to be taken away.
select outbound.erase_tenant(%(id)s, 1000) as erased;

-- name: own_token :exec
-- A token of the organization's own, for a person.
insert into outbound.api_tokens (user_id, tier, hmac, last_four)
values (%(user)s, 'org', sha256(convert_to(outbound.uuid_v7()::text, 'UTF8')), 'abcd');

-- name: person_of_organization :one
-- A person who belongs to the organization and to no company.
select u.id
from outbound.users as u
where u.org_id = %(org)s and u.company_id is null and u.deleted_at is null
order by u.id
limit 1;

-- name: invite :one
-- A person who has set no password.
insert into outbound.users (company_id, kind, role, name, email)
values (%(company)s, 'person', 'company_member', 'Invited', 'invited@proof.example')
returning id, status;

-- name: activate :exec
-- Makes an invited person an account without a password.
update outbound.users set status = 'active'
where id = %(id)s;

-- name: advisory_locks :one
-- How many advisory locks this backend holds.
select count(*) as taken
from pg_catalog.pg_locks as k
where k.locktype = 'advisory' and k.pid = pg_backend_pid();

-- name: make_operator_token :exec
-- A token of the operator's.
insert into outbound.platform_tokens (name, hmac, last_four)
values ('proof', sha256(convert_to(outbound.uuid_v7()::text, 'UTF8')), 'abcd');

-- name: operator_tokens :many
-- The operator's tokens that are seen.
select t.id
from outbound.platform_tokens as t;

-- name: revoke_operator_tokens :exec
-- Ends the operator's tokens.
update outbound.platform_tokens set revoked_at = now();

-- name: listed_everywhere :many
-- The entries of the platform's list that are seen.
select p.id
from outbound.platform_suppressions as p;

-- name: lift_everywhere :exec
-- Empties the platform's list.
delete from outbound.platform_suppressions as p
where p.id is not null;

-- name: invite_as_superuser :one
-- An invited person who stands there already.
insert into outbound.users (org_id, company_id, kind, role, name, email, status)
values (%(org)s, %(company)s, 'person', 'company_member', 'Invited', 'waiting@proof.example', 'invited')
returning id;

-- name: rest_campaign :exec
-- Pauses a campaign as disconnecting does.
update outbound.campaigns set status = 'paused', pause_reason = 'disconnected'
where id = %(id)s;

-- name: turn_entitlement :exec
-- Puts an entitlement into a state.
update outbound.entitlements set status = %(status)s
where id = %(id)s;

-- name: new_link :one
-- Asks for a link for a person.
select ctx.new_link(
  %(person)s, sha256(convert_to(outbound.uuid_v7()::text, 'UTF8')), now() + interval '1 hour'
) as made;

-- name: suspend_user :exec
-- Suspends a person.
update outbound.users set status = 'suspended'
where id = %(id)s;

-- name: delete_user :exec
-- Soft-deletes a person.
update outbound.users set deleted_at = now()
where id = %(id)s;

-- name: touch_user :exec
-- Has a person's credentials judged anew.
update outbound.users set status = status
where id = %(id)s;

-- name: revoke_others :exec
-- Revokes the tokens of the organization that are not a company's.
update outbound.api_tokens set revoked_at = now()
where org_id = %(org)s and company_id is distinct from %(company)s;

-- name: another_account :one
-- Moves a company's connections to an account that no other company uses.
with made as (
  insert into outbound.provider_accounts (org_id, provider, credential_hmac)
  select
    a.org_id,
    a.provider,
    sha256(convert_to(outbound.uuid_v7()::text, 'UTF8'))
  from outbound.provider_accounts as a
  where a.org_id = %(org)s
  order by a.id
  limit 1
  returning id
)

update outbound.connections as k set account_id = made.id
from made
where k.org_id = %(org)s and k.company_id = %(company)s
returning made.id;

-- name: woken :one
-- How many jobs wait for an account.
select count(*) as woken
from jobs.procrastinate_jobs as j
where j.args ->> 'subject' = %(account)s::text;

-- name: credential :many
-- All that is known of a credential.
select to_jsonb(c) as credential
from ctx.credentials as c
where c.hmac = decode(%(hmac)s, 'hex');

-- name: token_with_hash :exec
-- A token of a company's whose hash is given, and which has ended.
insert into outbound.api_tokens (company_id, user_id, tier, hmac, last_four, expires_at)
values (%(company)s, %(user)s, 'company', decode(%(hmac)s, 'hex'), 'abcd', now() - interval '1 day');
