-- Work lists of settlements and payouts, so that neither has to look through the whole ledger.
-- Triggers keep them, so that no writer of the ledger can forget to.

-- Entries that no settlement has taken. What has no exchange rate yet cannot be settled.
CREATE TABLE unsettled (
  seq INTEGER PRIMARY KEY,      -- of the entry
  program TEXT NOT NULL
);
CREATE INDEX unsettled_by_program ON unsettled (program, seq);

CREATE TRIGGER entries_unsettled AFTER INSERT ON entries
WHEN new.payout IS NOT NULL AND new.kind <> 'payout'
BEGIN
  INSERT INTO unsettled (seq, program) VALUES (new.seq, new.program);
END;

-- Settled lines that no payout has taken.
CREATE TABLE unpaid (
  entry TEXT PRIMARY KEY,
  program TEXT NOT NULL,
  partner TEXT NOT NULL,
  paid_in TEXT NOT NULL,
  payout INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX unpaid_by_partner ON unpaid (program, partner, paid_in);

CREATE TRIGGER settlement_lines_unpaid AFTER INSERT ON settlement_lines
BEGIN
  DELETE FROM unsettled WHERE seq = (SELECT seq FROM entries WHERE id = new.entry);
  INSERT INTO unpaid (entry, program, partner, paid_in, payout)
  VALUES (new.entry, new.program, new.partner, new.paid_in, new.payout);
END;

CREATE TRIGGER payout_lines_paid AFTER INSERT ON payout_lines
BEGIN
  DELETE FROM unpaid WHERE entry = new.entry;
END;

CREATE INDEX settlement_lines_by_settlement ON settlement_lines (settlement);
CREATE INDEX payout_lines_by_payout ON payout_lines (payout);
CREATE INDEX payouts_by_program ON payouts (program);

-- The caller's own id of the request that paid: a repeat answers the same payouts.
ALTER TABLE payouts ADD COLUMN request TEXT;
CREATE INDEX payouts_by_request ON payouts (program, request) WHERE request IS NOT NULL;

-- When the click happened that a person reclassified: where it is found among the stored ones.
ALTER TABLE reclassifications ADD COLUMN clicked_at INTEGER;
CREATE INDEX reclassifications_by_program ON reclassifications (program);
