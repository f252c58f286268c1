-- What the fold needs so that no event can stop the others: why and until when an event is set
-- aside, when one that waits was tried, and by what a decision is recognised without reading it.

ALTER TABLE facts ADD COLUMN aside TEXT; -- why it is set aside
ALTER TABLE facts ADD COLUMN retry_at INTEGER; -- NULL: whenever its customer is folded
-- Attempts that came to nothing, in a row; the last and the first one, of what waits too long.
ALTER TABLE facts ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts ADD COLUMN tried_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE facts ADD COLUMN waits_since INTEGER;
DROP INDEX facts_pending;
CREATE INDEX facts_pending ON facts (tried_at, seq) WHERE state = 'pending';
CREATE INDEX facts_aside ON facts (retry_at) WHERE state = 'set_aside';
-- What was set aside before is looked at once more.
UPDATE facts SET retry_at = 0 WHERE state = 'set_aside';

-- How often a record could not be written to KV, in a row: it goes behind the others.
ALTER TABLE publications ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
DROP INDEX publications_due;
CREATE INDEX publications_due ON publications (tries, key) WHERE done < version;

-- Fingerprint of the body; NULL: compare the body itself.
ALTER TABLE decisions ADD COLUMN digest TEXT;

-- Events that a fold of several parts changes: until all of it is written, their money waits.
CREATE TABLE unfinished (
  event TEXT PRIMARY KEY
) WITHOUT ROWID;

-- A delivery whose lease ran out was lost with its deliverer: those are found here.
CREATE INDEX deliveries_lost ON deliveries (leased_until)
  WHERE state = 'pending' AND lease IS NOT NULL;

-- As in 0005, and `pending`: the fold has not written everything about its customer yet.
DROP VIEW payable;
DROP VIEW standings;
CREATE VIEW standings AS
SELECT e.seq, e.id, e.program, e.cause, e.partner, e.amount, e.currency, e.paid_in, e.payout,
  d.revision, d.body,
  iif(a.seq IS NOT NULL, 'unsettled', iif(b.entry IS NOT NULL, 'unpaid', NULL)) AS place,
  CASE
    WHEN EXISTS (SELECT 1 FROM unfinished u WHERE u.event = e.cause) THEN 'pending'
    WHEN d.body ->> 'status' IN ('review', 'held') AND 0 <= (
      SELECT sum(x.payout) FROM (
        SELECT e.cause AS id
        UNION
        SELECT r.id FROM facts f CROSS JOIN facts r ON r.program = f.program
          AND r.sale_key = iif(f.kind IN ('sale', 'deal', 'renewal'), f.key, f.sale_key)
        WHERE f.id = e.cause
        UNION
        SELECT s.id FROM facts f CROSS JOIN facts s ON s.program = f.program
          AND s.kind IN ('sale', 'deal', 'renewal') AND s.key = f.sale_key
        WHERE f.id = e.cause) k
      CROSS JOIN entries x ON x.cause = k.id AND x.partner = e.partner AND x.paid_in = e.paid_in
      WHERE EXISTS (SELECT 1 FROM unsettled y WHERE y.seq = x.seq)
        OR EXISTS (SELECT 1 FROM unpaid y WHERE y.entry = x.id))
    THEN iif(d.body ->> 'status' = 'held', 'held', 'in_review')
    WHEN b.entry IS NOT NULL AND e.payout > 0 AND EXISTS (
      SELECT 1 FROM (
        SELECT e.cause AS id
        UNION
        SELECT r.id FROM facts f CROSS JOIN facts r ON r.program = f.program
          AND r.sale_key = iif(f.kind IN ('sale', 'deal', 'renewal'), f.key, f.sale_key)
        WHERE f.id = e.cause
        UNION
        SELECT s.id FROM facts f CROSS JOIN facts s ON s.program = f.program
          AND s.kind IN ('sale', 'deal', 'renewal') AND s.key = f.sale_key
        WHERE f.id = e.cause) k
      CROSS JOIN entries x ON x.cause = k.id AND x.partner = e.partner AND x.paid_in = e.paid_in
      CROSS JOIN unsettled y ON y.seq = x.seq
      WHERE x.payout < 0)
    THEN 'approved'
  END AS waits
FROM entries e
LEFT JOIN unsettled a ON a.seq = e.seq
LEFT JOIN unpaid b ON b.entry = e.id
LEFT JOIN decisions d ON d.event = e.cause AND NOT EXISTS (
  SELECT 1 FROM decisions n WHERE n.event = d.event AND n.revision > d.revision);

-- What a payout takes: settled lines that do not wait.
CREATE VIEW payable AS
SELECT u.entry, u.program, u.partner, u.paid_in, u.payout
FROM unpaid u CROSS JOIN standings s
WHERE s.id = u.entry AND s.waits IS NULL;
