-- Forwarding: batches, polls, circuit breakers, notices, expiry. SQLite cannot change a CHECK in
-- place, so the outbox moves into a new table.

CREATE TABLE deliveries_new (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  program TEXT NOT NULL,
  destination TEXT NOT NULL REFERENCES destinations(id),
  event TEXT NOT NULL,
  type TEXT NOT NULL,           -- `sale.created`, `sale.changed`, `commission.earned` and so on
  revision INTEGER NOT NULL,    -- the decision that it tells of
  subject TEXT NOT NULL DEFAULT '', -- of a notice: the entry or violation that it is about
  notice TEXT,                  -- of a notice: what it says
  state TEXT NOT NULL
    CHECK (state IN ('pending', 'delivered', 'skipped', 'expired', 'set_aside')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL,
  part INTEGER,                 -- most events of the request that it goes in; NULL: the platform's
  ticket TEXT,                  -- accepted: the next attempt asks what became of it
  lease TEXT,
  leased_until INTEGER NOT NULL DEFAULT 0,
  last_status INTEGER,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  done_at INTEGER,
  UNIQUE (destination, event, revision, subject)
);
INSERT INTO deliveries_new (seq, id, program, destination, event, type, revision, state, attempts,
    next_at, lease, leased_until, last_status, last_error, created_at, done_at)
  SELECT seq, id, program, destination, event, type, revision, state, attempts,
    next_at, lease, leased_until, last_status, last_error, created_at, done_at FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE deliveries_new RENAME TO deliveries;
CREATE INDEX deliveries_due ON deliveries (destination, next_at) WHERE state = 'pending';
CREATE INDEX deliveries_leased ON deliveries (lease) WHERE lease IS NOT NULL;
CREATE INDEX deliveries_by_event ON deliveries (event);
CREATE INDEX deliveries_aside ON deliveries (destination) WHERE state = 'set_aside';

-- The circuit breaker: requests that failed one after the other, and until when nothing is sent.
ALTER TABLE destinations ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE destinations ADD COLUMN paused_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE destinations ADD COLUMN last_error TEXT;
-- A bought access token, sealed.
ALTER TABLE destinations ADD COLUMN token TEXT;
ALTER TABLE destinations ADD COLUMN token_until INTEGER NOT NULL DEFAULT 0;

-- A row holds one sealed part for each kind of destination now. What waits from before goes out
-- without what was kept for it.
DELETE FROM sealed_rows;
