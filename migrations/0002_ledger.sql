-- The complete ledger: more kinds of facts, codes, what people decide, exchange rates, settlements
-- and payouts. Rows of these tables are dated and never changed; the newest one holds.

-- A partner's standing has a kind; each row is the whole standing from its instant on.
ALTER TABLE partner_statuses ADD COLUMN kind TEXT;

CREATE TABLE program_statuses (
  seq INTEGER PRIMARY KEY,
  program TEXT NOT NULL REFERENCES programs(id),
  active INTEGER NOT NULL CHECK (active IN (0, 1)),
  at INTEGER NOT NULL
);
CREATE INDEX program_statuses_by_program ON program_statuses (program);

-- Keyed pseudonyms under which a partner may appear as a customer.
CREATE TABLE partner_identities (
  program TEXT NOT NULL REFERENCES programs(id),
  pseudonym TEXT NOT NULL,
  partner TEXT NOT NULL REFERENCES partners(id),
  PRIMARY KEY (program, pseudonym, partner)
) WITHOUT ROWID;
CREATE INDEX partner_identities_by_partner ON partner_identities (partner);

-- Referral and coupon codes in capitals. A code that ended may be given to somebody else.
CREATE TABLE codes (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  program TEXT NOT NULL REFERENCES programs(id),
  code TEXT NOT NULL,
  partner TEXT NOT NULL REFERENCES partners(id),
  from_at INTEGER NOT NULL,
  until_at INTEGER,             -- the one column that is set later, once
  created_at INTEGER NOT NULL
);
CREATE INDEX codes_by_code ON codes (program, code);
CREATE INDEX codes_by_partner ON codes (partner);

-- What the customer and the subscription of a fact are found by.
ALTER TABLE facts ADD COLUMN subscription TEXT;
CREATE INDEX facts_by_subscription ON facts (program, subscription)
  WHERE subscription IS NOT NULL;
CREATE INDEX facts_by_time ON facts (program, occurred_at);
CREATE INDEX facts_by_code ON facts (program, body ->> '$.code')
  WHERE body ->> '$.code' IS NOT NULL;
CREATE INDEX facts_by_mailbox ON facts (program, body ->> '$.mailbox')
  WHERE body ->> '$.mailbox' IS NOT NULL;

-- What people decide about an event: hold, approve, reject, clear.
CREATE TABLE rulings (
  seq INTEGER PRIMARY KEY,
  program TEXT NOT NULL,
  event TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('hold', 'approve', 'reject', 'clear')),
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
);
CREATE INDEX rulings_by_event ON rulings (event);

-- What people say about a click; without a class it is again what it was.
CREATE TABLE reclassifications (
  seq INTEGER PRIMARY KEY,
  program TEXT NOT NULL,
  nonce TEXT NOT NULL,
  class TEXT,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
);
CREATE INDEX reclassifications_by_nonce ON reclassifications (nonce);

-- What one unit of a currency was worth in another, from an instant on.
CREATE TABLE rates (
  from_currency TEXT NOT NULL,
  to_currency TEXT NOT NULL,
  at INTEGER NOT NULL,
  rate TEXT NOT NULL,
  actor TEXT NOT NULL,
  PRIMARY KEY (to_currency, from_currency, at)
) WITHOUT ROWID;

-- What an entry is in the currency of payouts; NULL while no exchange rate is known.
ALTER TABLE entries ADD COLUMN payout INTEGER;
ALTER TABLE entries ADD COLUMN paid_in TEXT;

-- Open decisions are looked for by what keeps them open.
CREATE INDEX decisions_open ON decisions (program, seq) WHERE body ->> 'status' <> 'clear';

-- So are those that found a rule of the program broken.
CREATE INDEX decisions_violating ON decisions (program, seq)
  WHERE body ->> 'violations' IS NOT NULL;

-- That a customer was erased, for the record: who did it and how much it was, not who it was.
CREATE TABLE erasures (
  seq INTEGER PRIMARY KEY,
  program TEXT NOT NULL,
  pseudonym TEXT NOT NULL,      -- the random one, from then on
  events INTEGER NOT NULL,
  actor TEXT NOT NULL,
  at INTEGER NOT NULL
);

-- A settlement makes entries payable whose hold has ended; an entry is settled once.
CREATE TABLE settlements (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  program TEXT NOT NULL,
  until INTEGER NOT NULL,
  actor TEXT NOT NULL,
  body TEXT NOT NULL,           -- sums by partner and currency, and what was held back
  created_at INTEGER NOT NULL
);
CREATE INDEX settlements_by_program ON settlements (program);

CREATE TABLE settlement_lines (
  entry TEXT PRIMARY KEY,
  settlement TEXT NOT NULL,
  program TEXT NOT NULL,
  partner TEXT NOT NULL,
  month INTEGER NOT NULL,       -- first instant of the month in which the event happened
  paid_in TEXT NOT NULL,
  payout INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX settlement_lines_by_month ON settlement_lines (program, partner, month, paid_in);

-- A payout takes settled lines once; what it pays is booked as an entry of its own.
CREATE TABLE payouts (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  program TEXT NOT NULL,
  partner TEXT NOT NULL,
  amount INTEGER NOT NULL,
  currency TEXT NOT NULL,
  reference TEXT NOT NULL,
  actor TEXT NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE INDEX payouts_by_partner ON payouts (partner);

CREATE TABLE payout_lines (
  entry TEXT PRIMARY KEY,
  payout TEXT NOT NULL
) WITHOUT ROWID;
