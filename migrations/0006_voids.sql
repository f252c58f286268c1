-- A payout that was booked wrongly is taken back by a fact of its own; both stay. Its lines can be
-- paid again, so a line may stand in several payouts, of which one at most holds.

CREATE TABLE payout_voids (
  payout TEXT PRIMARY KEY,      -- once
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE payout_lines_new (
  entry TEXT NOT NULL,
  payout TEXT NOT NULL,
  PRIMARY KEY (entry, payout)
) WITHOUT ROWID;
INSERT INTO payout_lines_new SELECT entry, payout FROM payout_lines;
DROP TABLE payout_lines;
ALTER TABLE payout_lines_new RENAME TO payout_lines;
CREATE INDEX payout_lines_by_payout ON payout_lines (payout);

-- What no settlement made payable, or a payout took, cannot be paid.
CREATE TRIGGER payout_lines_payable BEFORE INSERT ON payout_lines
WHEN NOT EXISTS (SELECT 1 FROM unpaid WHERE entry = new.entry)
BEGIN
  SELECT RAISE(ABORT, 'not payable');
END;

CREATE TRIGGER payout_lines_paid AFTER INSERT ON payout_lines
BEGIN
  DELETE FROM unpaid WHERE entry = new.entry;
END;

CREATE TRIGGER payout_voids_unpaid AFTER INSERT ON payout_voids
BEGIN
  INSERT INTO unpaid (entry, program, partner, paid_in, payout)
  SELECT s.entry, s.program, s.partner, s.paid_in, s.payout
  FROM payout_lines l CROSS JOIN settlement_lines s ON s.entry = l.entry
  WHERE l.payout = new.payout;
END;
