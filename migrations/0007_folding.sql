-- What the fold needs so that no event can stop the others: why and until when an event is set
-- aside, when one that waits was tried, and by what a decision is recognised without reading it.

ALTER TABLE facts ADD COLUMN aside TEXT; -- why it is set aside
ALTER TABLE facts ADD COLUMN retry_at INTEGER; -- NULL: whenever its customer is folded
ALTER TABLE facts ADD COLUMN tries INTEGER NOT NULL DEFAULT 0; -- how often in a row
ALTER TABLE facts ADD COLUMN tried_at INTEGER NOT NULL DEFAULT 0; -- of what waits too long
ALTER TABLE facts ADD COLUMN waits_since INTEGER; -- when that was tried first
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
