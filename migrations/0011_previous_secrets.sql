-- Secrets that were replaced and sign along for a day, newest first:
-- [{"secret": sealed, "until": ms}].
ALTER TABLE destinations ADD COLUMN previous_secrets TEXT NOT NULL DEFAULT '[]';
