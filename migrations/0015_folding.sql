-- One folding for codes and slugs. SQL cannot fold beyond ASCII: what holds more is folded by the
-- Worker (src/app/refold.rs), at the latest by the next cron.

-- `code` is the form of before, in capitals, by which events of before find it; `key` is the folded
-- one, NULL until it is known.
ALTER TABLE codes ADD COLUMN written TEXT; -- as its owner wrote it; NULL: of before
ALTER TABLE codes ADD COLUMN key TEXT;
UPDATE codes SET key = lower(code) WHERE code NOT GLOB '*[^ -~]*';
CREATE INDEX codes_by_key ON codes (program, key);
CREATE INDEX codes_to_fold ON codes (seq) WHERE key IS NULL;

-- The code of an event is an object since then.
CREATE INDEX facts_by_code_key ON facts (program, body ->> '$.code.key')
  WHERE body ->> '$.code.key' IS NOT NULL;

-- What a slug folds to; NULL: of before, and the slug itself where it is ASCII.
ALTER TABLE links ADD COLUMN folded TEXT;
CREATE INDEX links_by_folded ON links (host, folded) WHERE folded IS NOT NULL;
CREATE INDEX links_to_fold ON links (seq) WHERE folded IS NULL AND slug GLOB '*[^ -~]*';
