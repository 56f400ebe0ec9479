-- What the bots of bridges answered to the bot's commands, by the event that they answer. Text only, cut; it holds no secret.
CREATE TABLE bridge_answer (
  event_id TEXT NOT NULL PRIMARY KEY,
  body TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
