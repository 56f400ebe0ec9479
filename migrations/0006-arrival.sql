-- When somebody last signed in, as Authentik tells; NULL = never, as far as it is known. So that an unused link is seen.
ALTER TABLE account ADD COLUMN last_login TEXT;

-- Accounts of people who have no Matrix user yet. The link is made when the person proves to hold the account, by the code that they were handed.
CREATE TABLE pending_link (
  account_pk INTEGER PRIMARY KEY,
  username TEXT NOT NULL,
  name TEXT NOT NULL,
  -- What the arrival is to do then, as JSON.
  wish TEXT NOT NULL,
  -- SHA-256 of the code, which itself is kept nowhere; NULL = none was handed out yet.
  code_hash TEXT,
  asked_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX pending_link_code ON pending_link (code_hash) WHERE code_hash IS NOT NULL;
