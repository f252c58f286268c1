-- Clicks at any rate: a look-up of one click must not depend on how many others lie in its minute,
-- and no queue message may vanish.

-- `nonces`: the first six digits of the nonce of each visit in the row. A look-up of a click reads
-- only rows that may hold it. NULL in rows from before: such a row may hold anything.
-- `sent_from`, `sent_until`: when its messages were sent. A repeat of a message can only be in rows
-- that span its own time.
ALTER TABLE click_packs ADD COLUMN sent_from INTEGER;
ALTER TABLE click_packs ADD COLUMN sent_until INTEGER;
ALTER TABLE click_packs ADD COLUMN nonces TEXT;
DROP INDEX click_packs_by_bucket;
CREATE INDEX click_packs_by_bucket ON click_packs (bucket, sent_from, sent_until, nonces);

-- What is reported of a click later is found by the click's nonce alone. A token lands once.
CREATE TABLE landings (
  nonce TEXT PRIMARY KEY,
  visit TEXT NOT NULL
) WITHOUT ROWID;

-- Permissions that came after the click; of one click only the first few are kept.
CREATE TABLE grants (
  nonce TEXT NOT NULL,
  number INTEGER NOT NULL,
  visit TEXT NOT NULL,
  PRIMARY KEY (nonce, number)
) WITHOUT ROWID;

-- They were packed by the minute of their click. From now on the only kind of a pack is `batch`.
INSERT OR IGNORE INTO landings (nonce, visit)
  SELECT v.value ->> '$.touch.nonce', v.value
  FROM click_packs p CROSS JOIN json_each(p.visits) v
  WHERE p.kind = 'landing' AND v.value ->> '$.touch.nonce' IS NOT NULL
  ORDER BY p.seq, v.key;
INSERT INTO grants (nonce, number, visit)
  SELECT nonce, number, visit FROM (
    SELECT v.value ->> '$.touch.nonce' AS nonce, v.value AS visit,
      row_number() OVER (PARTITION BY v.value ->> '$.touch.nonce' ORDER BY p.seq, v.key) - 1
        AS number
    FROM click_packs p CROSS JOIN json_each(p.visits) v
    WHERE p.kind = 'grant' AND v.value ->> '$.touch.nonce' IS NOT NULL)
  WHERE number < 8;
DELETE FROM click_packs WHERE kind IN ('landing', 'grant');

-- Queue messages that could not be read, or that the database refused: kept until somebody looks.
CREATE TABLE dead_letters (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,      -- the queue's, of the message
  queue TEXT NOT NULL,
  reason TEXT NOT NULL,
  bytes INTEGER NOT NULL,       -- of the whole message
  body TEXT NOT NULL,           -- what of it was not taken, cut at the bound of a message
  at INTEGER NOT NULL
);
