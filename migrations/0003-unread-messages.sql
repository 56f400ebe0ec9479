-- Messages that were given up because their key did not come, as ciphertext: an introduction is still one when its key comes hours later.
CREATE TABLE unread_message (
  event_id TEXT PRIMARY KEY,
  session_id TEXT NOT NULL,
  room_id TEXT NOT NULL,
  sender TEXT NOT NULL,
  event TEXT NOT NULL,
  late INTEGER NOT NULL CHECK (late IN (0, 1)),
  received_at INTEGER NOT NULL,
  given_up_at INTEGER NOT NULL
) STRICT;
CREATE INDEX unread_message_session ON unread_message (session_id);
CREATE INDEX unread_message_age ON unread_message (given_up_at);
