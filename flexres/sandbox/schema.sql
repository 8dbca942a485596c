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
