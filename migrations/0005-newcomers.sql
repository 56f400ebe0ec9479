-- People who wait in INDOC, one row each: the stay that counts. Personal data goes with the stay.
CREATE TABLE newcomer (
  user_id TEXT PRIMARY KEY,
  came TEXT NOT NULL CHECK (came IN ('join', 'knock', 'invite')),
  state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'declined', 'left')),
  since INTEGER NOT NULL,
  prompted_at INTEGER,
  deadline INTEGER,
  reminded_at INTEGER,
  expired_at INTEGER,
  -- What was understood, as JSON; the text it was understood from stands in introduction_message.
  introduction TEXT,
  introduced_at INTEGER,
  -- How far the worst of its messages can be believed.
  trust TEXT,
  unreadable_at INTEGER,
  -- Whom the bot asks whether they vouch, and what they said.
  inviter_id TEXT,
  -- Transaction id of the question; by it an answer that is a reply is understood.
  vouch_txn TEXT,
  vouched TEXT CHECK (vouched IN ('yes', 'no')),
  decided_by TEXT,
  decided_at INTEGER,
  decided_plan INTEGER,
  reason TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX newcomer_waiting ON newcomer (state, since);
CREATE INDEX newcomer_inviter ON newcomer (inviter_id) WHERE inviter_id IS NOT NULL;

-- Messages of people who wait, as long as they may be part of an introduction.
CREATE TABLE introduction_message (
  event_id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES newcomer (user_id) ON DELETE CASCADE,
  body TEXT NOT NULL,
  trust TEXT NOT NULL,
  sent_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX introduction_message_user ON introduction_message (user_id, sent_at);
