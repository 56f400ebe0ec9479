-- Foundation: everything issue by issue later adds to, nothing of it has to be torn out.
-- Times are milliseconds since the Unix epoch. JSON columns hold text.

-- Small single values: sync token, first-sync mark, server name.
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Secrets of this bot (session tokens), sealed with AES-256-GCM under a key that is not in this file.
CREATE TABLE sealed (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The crypto engine's object stores, written through in the transaction of the sync token. Values are encrypted by the engine.
CREATE TABLE crypto_database (
  name TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  definition TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE crypto_object (
  database TEXT NOT NULL,
  store TEXT NOT NULL,
  key BLOB NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (database, store, key)
) STRICT, WITHOUT ROWID;

-- One-way memory: a room that was encrypted once is never written to in clear.
CREATE TABLE encrypted_room (
  room_id TEXT PRIMARY KEY,
  algorithm TEXT NOT NULL,
  rotation_period_ms INTEGER,
  rotation_messages INTEGER,
  -- The session in use: messages counted in blocks (never fewer than were sent) and when it began.
  session_messages INTEGER NOT NULL DEFAULT 0,
  session_started_at INTEGER,
  seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Directory: rooms the bot is (or was invited) in, and who is in them.
CREATE TABLE room (
  room_id TEXT PRIMARY KEY,
  own_membership TEXT NOT NULL CHECK (own_membership IN ('join', 'invite', 'knock', 'leave', 'ban')),
  name TEXT,
  topic TEXT,
  canonical_alias TEXT,
  room_type TEXT,
  room_version TEXT,
  creators TEXT NOT NULL DEFAULT '[]',
  join_rule TEXT,
  history_visibility TEXT,
  power_levels TEXT,
  replacement_room TEXT,
  joined_count INTEGER,
  invited_count INTEGER,
  dirty INTEGER NOT NULL DEFAULT 1 CHECK (dirty IN (0, 1)),
  baseline_at INTEGER,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE member (
  room_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  membership TEXT NOT NULL CHECK (membership IN ('join', 'invite', 'knock', 'leave', 'ban')),
  display_name TEXT,
  event_id TEXT,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (room_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_user ON member (user_id, membership);

-- Journal: every event that may need an answer, stored in the transaction of the sync token. The primary key is the claim.
CREATE TABLE journal (
  event_id TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL,
  room_id TEXT NOT NULL,
  sender TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('message', 'invite', 'member')),
  event TEXT NOT NULL,
  late INTEGER NOT NULL CHECK (late IN (0, 1)),
  state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'waiting', 'done')),
  note TEXT,
  received_at INTEGER NOT NULL,
  done_at INTEGER
) STRICT;
CREATE INDEX journal_open ON journal (sequence) WHERE state <> 'done';
CREATE INDEX journal_room ON journal (room_id, sequence);
CREATE INDEX journal_done ON journal (done_at) WHERE state = 'done';

-- Outgoing messages, written before they are sent. `txn_id` is stable, so that a repeat is the same event on the server.
CREATE TABLE outbox (
  txn_id TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL,
  room_id TEXT NOT NULL,
  type TEXT NOT NULL,
  content TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0,
  event_id TEXT,
  error TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_open ON outbox (room_id, sequence) WHERE state = 'queued';
CREATE INDEX outbox_event ON outbox (event_id) WHERE event_id IS NOT NULL;

-- Plans and their effects: the same rows serve dry run, confirmation, progress, resume and audit.
CREATE TABLE plan (
  plan_id INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id TEXT NOT NULL UNIQUE,
  command TEXT NOT NULL,
  asker TEXT NOT NULL,
  room_id TEXT NOT NULL,
  -- The event that is answered: the command, or the confirmation of its plan.
  answer_to TEXT NOT NULL,
  summary TEXT NOT NULL,
  -- Notes, targets and the like, as JSON.
  details TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('confirming', 'running', 'done', 'expired', 'cancelled')),
  created_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;
CREATE INDEX plan_open ON plan (state) WHERE state IN ('confirming', 'running');
CREATE TABLE effect (
  plan_id INTEGER NOT NULL REFERENCES plan (plan_id) ON DELETE CASCADE,
  step INTEGER NOT NULL,
  kind TEXT NOT NULL,
  -- The planned step as JSON: effect, text, what it waits for.
  planned TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('planned', 'intended', 'done', 'skipped', 'failed', 'unknown')),
  code TEXT,
  detail TEXT,
  data TEXT,
  intended_at INTEGER,
  finished_at INTEGER,
  PRIMARY KEY (plan_id, step)
) STRICT, WITHOUT ROWID;
CREATE TABLE confirmation (
  code TEXT PRIMARY KEY,
  plan_id INTEGER NOT NULL UNIQUE REFERENCES plan (plan_id) ON DELETE CASCADE,
  asker TEXT NOT NULL,
  room_id TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  answered_at INTEGER,
  answered_by_event TEXT
) STRICT, WITHOUT ROWID;

-- Durable jobs.
CREATE TABLE job (
  job_id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  unique_key TEXT NOT NULL,
  payload TEXT NOT NULL,
  progress TEXT NOT NULL DEFAULT '{}',
  state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'dead', 'cancelled')),
  run_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  last_error TEXT,
  created_by TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX job_unique ON job (kind, unique_key) WHERE state IN ('waiting', 'running');
CREATE INDEX job_due ON job (run_at) WHERE state = 'waiting';
CREATE INDEX job_key ON job (kind, unique_key);

-- Direct rooms, made by the bot or adopted when a person invited it: this table is the truth, `m.direct` is a copy.
CREATE TABLE direct_room (
  room_id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  origin TEXT NOT NULL CHECK (origin IN ('made', 'adopted')),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX direct_user ON direct_room (user_id);
-- Intent to make one: the marker stands in the room's creation content, so that a room made just before a crash is found again.
CREATE TABLE direct_intent (
  user_id TEXT PRIMARY KEY,
  marker TEXT NOT NULL,
  intended_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which account belongs to which Matrix user: our truth. `proven` = the person proved it; only then may it give a role.
CREATE TABLE link (
  user_id TEXT PRIMARY KEY,
  account_pk INTEGER NOT NULL UNIQUE,
  username TEXT NOT NULL,
  proven INTEGER NOT NULL DEFAULT 0 CHECK (proven IN (0, 1)),
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Mirror of Authentik.
CREATE TABLE account (
  pk INTEGER PRIMARY KEY,
  username TEXT NOT NULL,
  username_folded TEXT NOT NULL,
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  email_folded TEXT NOT NULL,
  type TEXT NOT NULL,
  is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
  is_superuser INTEGER NOT NULL CHECK (is_superuser IN (0, 1)),
  groups TEXT NOT NULL DEFAULT '[]',
  matrix_id TEXT,
  seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX account_username ON account (username_folded);
CREATE INDEX account_email ON account (email_folded);

-- Audit: one row per command, refusals too. Arguments and plan are masked before they come here.
CREATE TABLE audit (
  audit_id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  room_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  command TEXT NOT NULL,
  arguments TEXT NOT NULL,
  outcome TEXT NOT NULL,
  code TEXT NOT NULL,
  detail TEXT,
  plan TEXT,
  outcomes TEXT,
  -- Transaction id of the answer: with it `!why` as a reply to the answer finds this row.
  answer_txn TEXT,
  duration_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX audit_event ON audit (event_id, command, code);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_actor ON audit (actor, at);
CREATE INDEX audit_answer ON audit (answer_txn) WHERE answer_txn IS NOT NULL;
