-- Whose identity is whose: the master key under which a person's commands are taken. Trust on first use, bound to the user.
CREATE TABLE person_identity (
  user_id TEXT PRIMARY KEY,
  -- The public master key that was seen first, or approved since.
  master_key TEXT NOT NULL,
  -- Another one that was seen since then. As long as it stands here, nothing is changed on this person's command.
  other_key TEXT,
  other_seen_at INTEGER,
  -- The key that the admins were told of.
  told_key TEXT,
  -- How it came to be trusted: `first-use`, the admin who approved it, or `operator`.
  accepted_by TEXT NOT NULL,
  accepted_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX person_identity_changed ON person_identity (other_seen_at) WHERE other_key IS NOT NULL;

-- A command that came from an unsigned device, until its owner confirms it from a signed one. Arguments as they were resolved.
CREATE TABLE held_command (
  code TEXT PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  command TEXT NOT NULL,
  arguments TEXT NOT NULL,
  dry_run INTEGER NOT NULL CHECK (dry_run IN (0, 1)),
  asker TEXT NOT NULL,
  room_id TEXT NOT NULL,
  reply_to TEXT,
  expires_at INTEGER NOT NULL,
  confirmed_by_event TEXT
) STRICT, WITHOUT ROWID;
