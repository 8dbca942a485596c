-- The sandbox's state. Dates are ISO 8601 text in UTC; `seq` orders rows and is what page tokens carry.
CREATE TABLE IF NOT EXISTS settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS users (
    seq INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    username TEXT NOT NULL,
    full_name TEXT NOT NULL,
    email TEXT NOT NULL,
    roles TEXT NOT NULL,           -- a JSON list
    locale TEXT,
    user_sid TEXT,
    version INTEGER NOT NULL,
    created_date TEXT NOT NULL,
    updated_date TEXT NOT NULL,
    deactivated_date TEXT,         -- NULL while the user is active
    worker_sid TEXT,               -- NULL once the Worker is gone
    username_key TEXT NOT NULL     -- the username, case folded
);
CREATE INDEX IF NOT EXISTS users_by_username ON users (username);
CREATE INDEX IF NOT EXISTS users_by_username_key ON users (username_key);
CREATE INDEX IF NOT EXISTS users_by_worker ON users (worker_sid);

CREATE TABLE IF NOT EXISTS workers (
    seq INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    friendly_name TEXT NOT NULL,
    activity_sid TEXT NOT NULL,
    attributes TEXT NOT NULL,      -- the exact text that was sent
    version INTEGER NOT NULL,      -- the ETag
    date_created TEXT NOT NULL,
    date_updated TEXT NOT NULL,
    date_status_changed TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE  -- the friendly name, case folded
);

CREATE TABLE IF NOT EXISTS channels (
    seq INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    worker_sid TEXT NOT NULL,
    name TEXT NOT NULL,
    capacity INTEGER NOT NULL,
    available INTEGER NOT NULL,
    assigned_tasks INTEGER NOT NULL,
    date_created TEXT NOT NULL,
    date_updated TEXT NOT NULL,
    UNIQUE (worker_sid, name)
);

CREATE TABLE IF NOT EXISTS reservations (
    seq INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    worker_sid TEXT NOT NULL,
    task_sid TEXT NOT NULL,
    channel TEXT NOT NULL,
    status TEXT NOT NULL,
    date_created TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS reservations_by_worker ON reservations (worker_sid);

CREATE TABLE IF NOT EXISTS tokens (
    digest TEXT PRIMARY KEY,       -- SHA-256: the token itself is never stored
    flex_user_sid TEXT NOT NULL,
    expiration TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS sso_trusted (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL UNIQUE       -- or, under legacy SSO, a domain pattern
);

CREATE TABLE IF NOT EXISTS sso_notes (
    kind TEXT NOT NULL,            -- request, login, code, refresh or assertion
    digest TEXT NOT NULL,          -- SHA-256 of what opens it: that is never stored
    value TEXT NOT NULL,           -- JSON
    expires REAL NOT NULL,         -- seconds since 1970
    PRIMARY KEY (kind, digest)
);

CREATE TABLE IF NOT EXISTS auth0 (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,            -- client, action, binding, user, connection, job or token
    id TEXT NOT NULL,
    name TEXT NOT NULL,            -- what it is found by: of a user the e-mail address, case folded
    value TEXT NOT NULL,           -- JSON
    UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS auth0_by_name ON auth0 (kind, name);

CREATE TABLE IF NOT EXISTS task_queues (
    seq INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    friendly_name TEXT NOT NULL,
    target_workers TEXT NOT NULL,  -- the expression, as it was sent
    task_order TEXT NOT NULL,      -- FIFO or LIFO
    max_reserved_workers INTEGER NOT NULL,
    reservation_activity_sid TEXT,
    assignment_activity_sid TEXT,
    date_created TEXT NOT NULL,
    date_updated TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE  -- the friendly name, case folded
);

CREATE TABLE IF NOT EXISTS workflows (
    seq INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    friendly_name TEXT NOT NULL,
    configuration TEXT NOT NULL,   -- the JSON text, as it was sent
    assignment_callback_url TEXT,
    fallback_assignment_callback_url TEXT,
    task_reservation_timeout INTEGER NOT NULL,
    date_created TEXT NOT NULL,
    date_updated TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE  -- the friendly name, case folded
);

CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    at_ms INTEGER NOT NULL,        -- milliseconds since 1970
    event_type TEXT NOT NULL,
    resource_type TEXT NOT NULL,   -- worker, task-queue or workflow
    resource_sid TEXT NOT NULL,
    task_channel TEXT,             -- the unique name, where the event is about a channel
    actor_sid TEXT NOT NULL,
    actor_type TEXT NOT NULL,
    source TEXT NOT NULL,
    source_ip_address TEXT NOT NULL,
    description TEXT NOT NULL,
    data TEXT NOT NULL             -- JSON
);
CREATE INDEX IF NOT EXISTS events_by_resource ON events (resource_sid, seq);
CREATE INDEX IF NOT EXISTS events_by_time ON events (at_ms);
