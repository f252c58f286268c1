-- What a fact says about its customer's permission, and since when: `refused` by the word of its
-- call, `withheld` by its token, `full` by either of them. An anonymous token does not tell why it
-- is one, so it withholds; a session that is only a default says nothing.
ALTER TABLE facts ADD COLUMN voice TEXT GENERATED ALWAYS AS (CASE
  WHEN body ->> '$.consent' IN ('code', 'session') THEN 'refused'
  WHEN body ->> '$.token.opened.consent' = 'code' OR body ->> '$.token.opened.consent' = 'session'
    AND body ->> '$.token.opened.evidence' <> 'default' THEN 'withheld'
  WHEN 'full' IN (body ->> '$.consent', body ->> '$.token.opened.consent') THEN 'full' END) VIRTUAL;
-- A click is older than the event that reports it, which tells of it and is no new grant.
ALTER TABLE facts ADD COLUMN voiced_at INTEGER GENERATED ALWAYS AS (CASE
  WHEN body ->> '$.consent' IS NULL AND body ->> '$.token.opened.consent' = 'full'
  THEN body ->> '$.token.opened.at' ELSE occurred_at END) VIRTUAL;
CREATE INDEX facts_by_voice ON facts (program, customer, voiced_at) WHERE voice IS NOT NULL;
CREATE INDEX facts_by_touch ON facts (program, customer, body ->> '$.token.opened.at')
  WHERE body ->> '$.token.opened.at' IS NOT NULL;

-- What is kept from before of events without a word about permission goes.
DELETE FROM sealed_rows WHERE event IN (
  SELECT f.id FROM facts f WHERE f.voice = 'refused' OR (f.voice IS NULL
    AND f.body ->> '$.token.opened' IS NULL AND NOT EXISTS (SELECT 1 FROM facts t
      WHERE t.program = f.program AND t.customer = f.customer
        AND t.body ->> '$.token.opened.consent' = 'full')));
