CREATE TABLE record (
  path TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who committed last, and how often that has changed: a store tells by it whether others have committed.
CREATE TABLE turn (
  number INTEGER PRIMARY KEY,
  writer TEXT NOT NULL
) STRICT;

INSERT INTO turn VALUES (0, '');
