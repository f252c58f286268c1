-- Keys are decided by their rows. Both columns are NULL for keys that were made before: such a key
-- is replaced by making a new one and revoking it.
ALTER TABLE api_keys ADD COLUMN digest TEXT;  -- SHA-256 of the key's text
ALTER TABLE api_keys ADD COLUMN root INTEGER; -- the entry of ROOT_SECRET that signed it

-- Conversions that the queue took while the database was away, and whose key turned out to be
-- revoked, foreign or forged. They earn nothing; a person can report them again.
CREATE TABLE refused_facts (
  seq INTEGER PRIMARY KEY,
  event TEXT NOT NULL,
  program TEXT NOT NULL,
  api_key TEXT NOT NULL,
  reason TEXT NOT NULL CHECK (reason IN ('key_invalid', 'key_revoked')),
  body TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  UNIQUE (event, api_key, received_at)
);

-- Set-up makes another key while one of these is open. Only who can write to the database can add
-- one (tools/owner-key.mjs), and the proof of the root secret is asked for as always.
CREATE TABLE setup_openings (
  until INTEGER NOT NULL
);
