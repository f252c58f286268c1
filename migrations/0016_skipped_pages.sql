-- Pages of a site that went without the snippet's tag, by the reason why.
CREATE TABLE skipped_pages (
  program TEXT NOT NULL REFERENCES programs (id),
  day TEXT NOT NULL,
  host TEXT NOT NULL,
  reason TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (program, day, host, reason)
) STRICT, WITHOUT ROWID;
