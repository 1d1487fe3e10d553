-- Who may do what, and what the gateway goes by beside its configuration file. Ids are UUIDv7 in text, so that they sort
-- by age; times Unix microseconds; digests and sealed values bytes; `version` counts the changes of a row, for those who
-- must not overwrite each other.

-- How often each class of things has changed. Counted in the transaction that changes something, so that nobody who
-- compares it can miss a change.
create table generations (
    name text collate "C" primary key,
    value bigint not null default 0
);

insert into generations (name) values ('configuration'), ('keys'), ('people');

-- What the gateway itself must keep secret, sealed by the vault: what keys are hashed under, what sessions are signed by.
create table server_secrets (
    name text collate "C" primary key,
    sealed bytea not null,
    created_at bigint not null
);

create table users (
    id text collate "C" primary key,
    -- Lower-case.
    email text collate "C" not null unique,
    name text collate "C" not null,
    role text collate "C" not null check (role in ('owner', 'admin', 'member', 'viewer', 'pending')),
    -- Argon2id, or bcrypt as it was imported; none for those who log in elsewhere.
    password_hash text collate "C",
    disabled_at bigint,
    created_at bigint not null,
    updated_at bigint not null,
    last_login_at bigint,
    version bigint not null default 1
);

-- Logins at OpenID providers that lead to a user.
create table identities (
    provider text collate "C" not null,
    subject text collate "C" not null,
    user_id text collate "C" not null references users (id) on delete cascade,
    email text collate "C",
    created_at bigint not null,
    last_login_at bigint not null,
    primary key (provider, subject)
);

create index identities_by_user on identities (user_id);

create table teams (
    id text collate "C" primary key,
    name text collate "C" not null unique,
    description text collate "C" not null default '',
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null default 1
);

create table team_members (
    team_id text collate "C" not null references teams (id) on delete cascade,
    user_id text collate "C" not null references users (id) on delete cascade,
    role text collate "C" not null check (role in ('admin', 'member')),
    created_at bigint not null,
    primary key (team_id, user_id)
);

create index team_members_by_user on team_members (user_id);

create table sessions (
    id text collate "C" primary key,
    -- Of the token in the cookie, which nobody keeps.
    digest bytea not null unique,
    user_id text collate "C" not null references users (id) on delete cascade,
    -- How the user logged in: `password`, or the id of an OpenID provider.
    method text collate "C" not null,
    created_at bigint not null,
    seen_at bigint not null,
    expires_at bigint not null,
    address text collate "C",
    user_agent text collate "C"
);

create index sessions_by_user on sessions (user_id);
create index sessions_by_expiry on sessions (expires_at);

-- Links that work once: `setup` makes the first owner, `password` lets a user choose a new one.
create table invitations (
    digest bytea primary key,
    purpose text collate "C" not null check (purpose in ('setup', 'password')),
    user_id text collate "C" references users (id) on delete cascade,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint
);

-- Logins on their way to an OpenID provider and back.
create table login_flows (
    -- Of `state`, which only the browser and the provider know.
    digest bytea primary key,
    provider text collate "C" not null,
    -- Nonce and PKCE verifier, sealed.
    sealed bytea not null,
    return_to text collate "C" not null,
    expires_at bigint not null
);

-- Failed logins by whom they were tried on and from where: `account:<email>`, `address:<address>`, `everybody`.
create table login_failures (
    subject text collate "C" primary key,
    failures bigint not null,
    last_at bigint not null
);

-- Tokens for programs that use the management API in a user's name.
create table api_tokens (
    id text collate "C" primary key,
    name text collate "C" not null,
    digest bytea not null unique,
    prefix text collate "C" not null,
    last_four text collate "C" not null,
    user_id text collate "C" not null references users (id) on delete cascade,
    -- JSON array of permissions; never more than the user has.
    scopes text collate "C" not null,
    created_at bigint not null,
    expires_at bigint,
    revoked_at bigint,
    last_used_at bigint,
    version bigint not null default 1
);

create index api_tokens_by_user on api_tokens (user_id);

create table client_keys (
    id text collate "C" primary key,
    -- Name in usage records; free again once the key is revoked.
    name text collate "C" not null,
    digest bytea not null unique,
    prefix text collate "C" not null,
    last_four text collate "C" not null,
    user_id text collate "C" references users (id) on delete restrict,
    team_id text collate "C" references teams (id) on delete restrict,
    -- JSON: what the key may use and its limits, in the names of `[[client_keys]]`.
    spec text collate "C" not null,
    -- Its tags once more, a line each with an empty one before and after: to search by.
    tags text collate "C" not null default '',
    -- Its rules were set by somebody who looks after all keys: its owner cannot change them.
    locked bigint not null default 0 check (locked in (0, 1)),
    paused_at bigint,
    expires_at bigint,
    revoked_at bigint,
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null default 1,
    -- Generation of `keys` in which this row, its user or its team last changed: workers ask for what is newer.
    revision bigint not null,
    check (user_id is null or team_id is null)
);

create unique index client_keys_by_name on client_keys (name) where revoked_at is null;
create index client_keys_by_revision on client_keys (revision);
create index client_keys_by_user on client_keys (user_id);
create index client_keys_by_team on client_keys (team_id);

-- When a client key was last used, those of the configuration file included; workers write it now and then.
create table key_uses (
    -- Id of the key; of one in the configuration file its name.
    key_id text collate "C" primary key,
    last_used_at bigint not null
);

-- What the configuration file could say as well. `kind` is its table there (`provider`, `credential`, `alias`, `combo`,
-- `price`, `setting`), `name` what names one thing in it (of a credential `provider/name`, of a setting its path).
create table configuration (
    kind text collate "C" not null check (kind in ('provider', 'credential', 'alias', 'combo', 'price', 'setting')),
    name text collate "C" not null,
    -- JSON, in the names of the configuration file; secrets are not in it.
    spec text collate "C" not null,
    -- The secrets among its values: a JSON object, sealed.
    sealed bytea,
    -- Order among its kind.
    position bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    version bigint not null default 1,
    primary key (kind, name)
);

-- Who changed what, from where. Nothing here is ever changed or deleted.
create table audit (
    id text collate "C" primary key,
    at bigint not null,
    -- `user`, `token`, `operator` (the command line), `file` (the configuration file) or `system`.
    actor_kind text collate "C" not null,
    actor_id text collate "C",
    actor_name text collate "C" not null,
    address text collate "C",
    action text collate "C" not null,
    target_kind text collate "C" not null,
    target_id text collate "C",
    target_name text collate "C",
    -- JSON before and after; secrets as fingerprints.
    before text collate "C",
    after text collate "C"
);

create index audit_by_target on audit (target_kind, target_id);

create function refuse_change_of_audit() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only' using errcode = '23000';
end;
$$;

create trigger audit_is_not_changed before update on audit
for each row execute function refuse_change_of_audit();

create trigger audit_is_not_deleted before delete on audit
for each row execute function refuse_change_of_audit();

create trigger audit_is_not_emptied before truncate on audit
for each statement execute function refuse_change_of_audit();

-- How the jobs of the control process last went.
create table jobs (
    name text collate "C" primary key,
    started_at bigint not null,
    finished_at bigint,
    error text collate "C",
    runs bigint not null default 0,
    failures bigint not null default 0
);

-- Answers to requests that carried an idempotency key, for those that ask again.
create table idempotent_answers (
    actor text collate "C" not null,
    key text collate "C" not null,
    -- Of method, path and body: the same key with another request is a mistake.
    digest bytea not null,
    -- None while the first request is still being answered.
    status bigint,
    -- Headers and body, sealed: an answer may hold a secret that is shown once.
    sealed bytea,
    created_at bigint not null,
    primary key (actor, key)
);

create index idempotent_answers_by_age on idempotent_answers (created_at);
