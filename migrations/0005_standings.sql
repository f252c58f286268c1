-- What was settled may come into review afterwards, be held, rejected or given back. What keeps an
-- entry from being settled or paid is said here once, for settlements, payouts and all reads.
--
-- Each entry with the newest decision about its event. `place`: `unsettled`, `unpaid`, NULL: paid
-- (or without an exchange rate yet). `waits`:
--   `in_review`, `held`  with its event. A purchase and what was given back of it wait together. A
--                        hold keeps money from leaving, not from coming back: where more was taken
--                        back than is left to pay, because it was paid before, nothing waits.
--   `approved`           was settled, but what takes from it was not yet: both are paid together.
CREATE VIEW standings AS
SELECT e.seq, e.id, e.program, e.cause, e.partner, e.amount, e.currency, e.paid_in, e.payout,
  d.revision, d.body,
  iif(a.seq IS NOT NULL, 'unsettled', iif(b.entry IS NOT NULL, 'unpaid', NULL)) AS place,
  CASE
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
