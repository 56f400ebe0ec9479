-- The crypto store is paged now: rows are read from here when the engine asks for them, so their keys stand in the order of IndexedDB keys.
-- Rows of crypto_object are brought over when the store is next opened; then it stays empty.

-- One object store, or one index of an object store ('' = the object store itself).
CREATE TABLE crypto_area (
  id INTEGER PRIMARY KEY,
  database TEXT NOT NULL,
  store TEXT NOT NULL,
  index_name TEXT NOT NULL,
  UNIQUE (database, store, index_name)
) STRICT;
-- Has a rowid: values of 2 KB fill a page of a table without one badly.
CREATE TABLE crypto_record (
  area INTEGER NOT NULL REFERENCES crypto_area (id) ON DELETE CASCADE,
  key BLOB NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (area, key)
) STRICT;
-- The index key, followed by the key of the record.
CREATE TABLE crypto_index (
  area INTEGER NOT NULL REFERENCES crypto_area (id) ON DELETE CASCADE,
  key BLOB NOT NULL,
  PRIMARY KEY (area, key)
) STRICT, WITHOUT ROWID;

-- Every start begins new sessions: nothing about the one in use is remembered.
ALTER TABLE encrypted_room DROP COLUMN session_messages;
ALTER TABLE encrypted_room DROP COLUMN session_started_at;
