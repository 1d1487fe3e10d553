-- Who may do what, and what the gateway goes by beside its configuration file. Ids are UUIDv7 in text, so that they sort
-- by age; times Unix microseconds; digests and sealed values bytes; `version` counts the changes of a row, for those who
-- must not overwrite each other.

-- How often each class of things has changed. Counted in the transaction that changes something, so that nobody who
-- compares it can miss a change.
create table generations (
    name text primary key,
    value integer not null default 0
) strict;

insert into generations (name) values ('configuration'), ('keys'), ('people');

-- What the gateway itself must keep secret, sealed by the vault: what keys are hashed under, what sessions are signed by.
create table server_secrets (
    name text primary key,
    sealed blob not null,
    created_at integer not null
) strict;

create table users (
    id text primary key,
    -- Lower-case.
    email text not null unique,
    name text not null,
    role text not null check (role in ('owner', 'admin', 'member', 'viewer', 'pending')),
    -- Argon2id, or bcrypt as it was imported; none for those who log in elsewhere.
    password_hash text,
    disabled_at integer,
    created_at integer not null,
    updated_at integer not null,
    last_login_at integer,
    version integer not null default 1
) strict;

-- Logins at OpenID providers that lead to a user.
create table identities (
    provider text not null,
    subject text not null,
    user_id text not null references users (id) on delete cascade,
    email text,
    created_at integer not null,
    last_login_at integer not null,
    primary key (provider, subject)
) strict;

create index identities_by_user on identities (user_id);

create table teams (
    id text primary key,
    name text not null unique,
    description text not null default '',
    created_at integer not null,
    updated_at integer not null,
    version integer not null default 1
) strict;

create table team_members (
    team_id text not null references teams (id) on delete cascade,
    user_id text not null references users (id) on delete cascade,
    role text not null check (role in ('admin', 'member')),
    created_at integer not null,
    primary key (team_id, user_id)
) strict;

create index team_members_by_user on team_members (user_id);

create table sessions (
    id text primary key,
    -- Of the token in the cookie, which nobody keeps.
    digest blob not null unique,
    user_id text not null references users (id) on delete cascade,
    -- How the user logged in: `password`, or the id of an OpenID provider.
    method text not null,
    created_at integer not null,
    seen_at integer not null,
    expires_at integer not null,
    address text,
    user_agent text
) strict;

create index sessions_by_user on sessions (user_id);
create index sessions_by_expiry on sessions (expires_at);

-- Links that work once: `setup` makes the first owner, `password` lets a user choose a new one.
create table invitations (
    digest blob primary key,
    purpose text not null check (purpose in ('setup', 'password')),
    user_id text references users (id) on delete cascade,
    created_at integer not null,
    expires_at integer not null,
    used_at integer
) strict;

-- Logins on their way to an OpenID provider and back.
create table login_flows (
    -- Of `state`, which only the browser and the provider know.
    digest blob primary key,
    provider text not null,
    -- Nonce and PKCE verifier, sealed.
    sealed blob not null,
    return_to text not null,
    expires_at integer not null
) strict;

-- Failed logins by whom they were tried on and from where: `account:<email>`, `address:<address>`, `everybody`.
create table login_failures (
    subject text primary key,
    failures integer not null,
    last_at integer not null
) strict;

-- Tokens for programs that use the management API in a user's name.
create table api_tokens (
    id text primary key,
    name text not null,
    digest blob not null unique,
    prefix text not null,
    last_four text not null,
    user_id text not null references users (id) on delete cascade,
    -- JSON array of permissions; never more than the user has.
    scopes text not null,
    created_at integer not null,
    expires_at integer,
    revoked_at integer,
    last_used_at integer,
    version integer not null default 1
) strict;

create index api_tokens_by_user on api_tokens (user_id);

create table client_keys (
    id text primary key,
    -- Name in usage records; free again once the key is revoked.
    name text not null,
    digest blob not null unique,
    prefix text not null,
    last_four text not null,
    user_id text references users (id) on delete restrict,
    team_id text references teams (id) on delete restrict,
    -- JSON: what the key may use and its limits, in the names of `[[client_keys]]`.
    spec text not null,
    -- Its tags once more, a line each with an empty one before and after: to search by.
    tags text not null default '',
    -- Its rules were set by somebody who looks after all keys: its owner cannot change them.
    locked integer not null default 0 check (locked in (0, 1)),
    paused_at integer,
    expires_at integer,
    revoked_at integer,
    created_at integer not null,
    updated_at integer not null,
    version integer not null default 1,
    -- Generation of `keys` in which this row, its user or its team last changed: workers ask for what is newer.
    revision integer not null,
    check (user_id is null or team_id is null)
) strict;

create unique index client_keys_by_name on client_keys (name) where revoked_at is null;
create index client_keys_by_revision on client_keys (revision);
create index client_keys_by_user on client_keys (user_id);
create index client_keys_by_team on client_keys (team_id);

-- When a client key was last used, those of the configuration file included; workers write it now and then.
create table key_uses (
    -- Id of the key; of one in the configuration file its name.
    key_id text primary key,
    last_used_at integer not null
) strict;

-- What the configuration file could say as well. `kind` is its table there (`provider`, `credential`, `alias`, `combo`,
-- `price`, `setting`), `name` what names one thing in it (of a credential `provider/name`, of a setting its path).
create table configuration (
    kind text not null check (kind in ('provider', 'credential', 'alias', 'combo', 'price', 'setting')),
    name text not null,
    -- JSON, in the names of the configuration file; secrets are not in it.
    spec text not null,
    -- The secrets among its values: a JSON object, sealed.
    sealed blob,
    -- Order among its kind.
    position integer not null,
    created_at integer not null,
    updated_at integer not null,
    version integer not null default 1,
    primary key (kind, name)
) strict;

-- Who changed what, from where. Nothing here is ever changed or deleted.
create table audit (
    id text primary key,
    at integer not null,
    -- `user`, `token`, `operator` (the command line), `file` (the configuration file) or `system`.
    actor_kind text not null,
    actor_id text,
    actor_name text not null,
    address text,
    action text not null,
    target_kind text not null,
    target_id text,
    target_name text,
    -- JSON before and after; secrets as fingerprints.
    before text,
    after text
) strict;

create index audit_by_target on audit (target_kind, target_id);

create trigger audit_is_not_changed before update on audit
begin
    select raise(abort, 'the audit log is append-only');
end;

create trigger audit_is_not_deleted before delete on audit
begin
    select raise(abort, 'the audit log is append-only');
end;

-- How the jobs of the control process last went.
create table jobs (
    name text primary key,
    started_at integer not null,
    finished_at integer,
    error text,
    runs integer not null default 0,
    failures integer not null default 0
) strict;

-- Answers to requests that carried an idempotency key, for those that ask again.
create table idempotent_answers (
    actor text not null,
    key text not null,
    -- Of method, path and body: the same key with another request is a mistake.
    digest blob not null,
    -- None while the first request is still being answered.
    status integer,
    -- Headers and body, sealed: an answer may hold a secret that is shown once.
    sealed blob,
    created_at integer not null,
    primary key (actor, key)
) strict;

create index idempotent_answers_by_age on idempotent_answers (created_at);
