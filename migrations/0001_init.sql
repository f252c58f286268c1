-- The ledger plane's store. Facts are immutable; everything else is derived from them and from
-- dated settings, or is a setting. Instants are unix milliseconds, amounts integer minor units,
-- structured values JSON text. Forward-only: a released migration is never edited.

-- Settings -----------------------------------------------------------------------------------

CREATE TABLE programs (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  body TEXT NOT NULL,           -- hosts, target hosts, and what the edge reads of a program
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- A host belongs to one program.
CREATE TABLE hosts (
  host TEXT PRIMARY KEY,
  program TEXT NOT NULL REFERENCES programs(id)
) WITHOUT ROWID;

-- A plan is never changed; a new version takes effect from its date.
CREATE TABLE plans (
  program TEXT NOT NULL REFERENCES programs(id),
  version INTEGER NOT NULL,
  effective_from INTEGER NOT NULL,
  rules TEXT NOT NULL,
  PRIMARY KEY (program, version)
) WITHOUT ROWID;

CREATE TABLE partners (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  program TEXT NOT NULL REFERENCES programs(id),
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
);

-- Dated changes of a partner's status; the newest one not after an instant holds at it.
CREATE TABLE partner_statuses (
  seq INTEGER PRIMARY KEY,
  program TEXT NOT NULL REFERENCES programs(id),
  partner TEXT NOT NULL REFERENCES partners(id),
  active INTEGER NOT NULL CHECK (active IN (0, 1)),
  at INTEGER NOT NULL
);
CREATE INDEX partner_statuses_by_program ON partner_statuses (program);
CREATE INDEX partner_statuses_by_partner ON partner_statuses (partner);

CREATE TABLE links (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  program TEXT NOT NULL REFERENCES programs(id),
  partner TEXT NOT NULL REFERENCES partners(id),
  host TEXT NOT NULL REFERENCES hosts(host),
  slug TEXT NOT NULL,
  target TEXT NOT NULL,
  settings TEXT NOT NULL,       -- the link's settings as the edge reads them, target included
  active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
  capped INTEGER NOT NULL DEFAULT 0 CHECK (capped IN (0, 1)), -- the click cap was reached
  created_at INTEGER NOT NULL,
  UNIQUE (host, slug)
);
CREATE INDEX links_by_partner ON links (partner);

CREATE TABLE destinations (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  program TEXT NOT NULL REFERENCES programs(id),
  kind TEXT NOT NULL,
  config TEXT NOT NULL,         -- what may be shown
  secret TEXT NOT NULL,         -- sealed
  enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
  created_at INTEGER NOT NULL
);
CREATE INDEX destinations_by_program ON destinations (program);

-- The secret part of a key is never stored: its text carries its own proof.
CREATE TABLE api_keys (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  scope TEXT NOT NULL,
  program TEXT,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
);

-- KV records that wait to be written again from the tables above.
CREATE TABLE publications (
  key TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0 -- the version that was written last
) WITHOUT ROWID;
CREATE INDEX publications_due ON publications (key) WHERE done < version;

-- Facts --------------------------------------------------------------------------------------

CREATE TABLE facts (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  program TEXT NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,            -- natural key within program and kind
  customer TEXT,                -- keyed pseudonym
  sale_key TEXT,                -- of a refund
  nonce TEXT,                   -- of the click whose token came with the fact
  awaits_click INTEGER NOT NULL,-- 1 until the fold has found that click
  occurred_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  content TEXT NOT NULL,        -- fingerprint of what a repeat must not change
  body TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'folded', 'parked', 'set_aside')),
  UNIQUE (program, kind, key)
);
CREATE INDEX facts_pending ON facts (seq) WHERE state = 'pending';
CREATE INDEX facts_by_customer ON facts (program, customer);
CREATE INDEX facts_by_sale ON facts (program, sale_key) WHERE sale_key IS NOT NULL;
CREATE INDEX facts_by_nonce ON facts (nonce) WHERE nonce IS NOT NULL;

-- The same key with other content.
CREATE TABLE conflicts (
  seq INTEGER PRIMARY KEY,
  event TEXT NOT NULL,
  program TEXT NOT NULL,
  content TEXT NOT NULL,
  body TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  UNIQUE (event, content)
);

-- What destinations need of an event and nobody else may read. Deleted on delivery or expiry.
CREATE TABLE sealed_rows (
  event TEXT PRIMARY KEY,
  body TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sealed_rows_by_expiry ON sealed_rows (expires_at);

-- Visits, packed: one row per queue batch and minute. `messages` makes a redelivered message
-- visible; a landing lies in the minute of its click, so that it counts once per token.
CREATE TABLE click_packs (
  seq INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('batch', 'landing', 'grant')),
  bucket INTEGER NOT NULL,
  messages TEXT NOT NULL,
  visits TEXT NOT NULL
);
CREATE INDEX click_packs_by_bucket ON click_packs (bucket);

CREATE TABLE click_rollups (
  program TEXT NOT NULL,
  day TEXT NOT NULL,
  link TEXT NOT NULL,
  partner TEXT NOT NULL,
  class TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (program, day, link, partner, class)
) WITHOUT ROWID;
CREATE INDEX click_rollups_by_link ON click_rollups (program, link);

-- The fold -----------------------------------------------------------------------------------

-- Version of everything that a fold of one key reads. A key is `program/customer` or a program.
CREATE TABLE aggregates (
  key TEXT PRIMARY KEY,
  version INTEGER NOT NULL
) WITHOUT ROWID;

-- A fold's first statement inserts the result of its version check here: 0 fails the whole batch.
CREATE TABLE fold_guard (
  ok INTEGER NOT NULL CHECK (ok = 1)
);

-- Decisions are never changed either: knowledge that comes later adds a revision.
CREATE TABLE decisions (
  seq INTEGER PRIMARY KEY,
  event TEXT NOT NULL,
  revision INTEGER NOT NULL,
  program TEXT NOT NULL,
  body TEXT NOT NULL,
  decided_at INTEGER NOT NULL,
  UNIQUE (event, revision)
);

CREATE TABLE entries (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  program TEXT NOT NULL,
  partner TEXT NOT NULL,
  cause TEXT NOT NULL,
  kind TEXT NOT NULL,
  amount INTEGER NOT NULL,
  currency TEXT NOT NULL,
  reason TEXT NOT NULL,
  booked_at INTEGER NOT NULL
);
CREATE INDEX entries_by_cause ON entries (cause);
CREATE INDEX entries_by_partner ON entries (partner, currency);

-- The outbox ---------------------------------------------------------------------------------

CREATE TABLE deliveries (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  program TEXT NOT NULL,
  destination TEXT NOT NULL REFERENCES destinations(id),
  event TEXT NOT NULL,
  type TEXT NOT NULL,           -- `sale.created`, `sale.changed` and so on
  revision INTEGER NOT NULL,    -- the decision that it tells of
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'skipped', 'set_aside')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL,
  lease TEXT,
  leased_until INTEGER NOT NULL DEFAULT 0,
  last_status INTEGER,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  done_at INTEGER,
  UNIQUE (destination, event, revision)
);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'pending';
CREATE INDEX deliveries_leased ON deliveries (lease) WHERE lease IS NOT NULL;
CREATE INDEX deliveries_by_event ON deliveries (event);
