-- Which place of which Megolm session was read as which event: a server could deliver the same ciphertext again under another event id.
CREATE TABLE read_message (
  session_id TEXT NOT NULL,
  message_index INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  read_at INTEGER NOT NULL,
  PRIMARY KEY (session_id, message_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX read_message_at ON read_message (read_at);
