-- Unique values that meet: REPLACE, ON CONFLICT clauses, upserts, partial and expression indexes, swaps and cycles.
-- First the schema, with rows.

CREATE TABLE c (id INTEGER PRIMARY KEY, u TEXT UNIQUE, n INTEGER, v);
CREATE TABLE c_ignore (id INTEGER PRIMARY KEY, u UNIQUE ON CONFLICT IGNORE, v NOT NULL ON CONFLICT IGNORE);
CREATE TABLE c_fail (id INTEGER PRIMARY KEY, u UNIQUE ON CONFLICT FAIL, v NOT NULL ON CONFLICT FAIL);
CREATE TABLE c_roll (id INTEGER PRIMARY KEY, u UNIQUE ON CONFLICT ROLLBACK);
CREATE TABLE c_replace (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, u UNIQUE ON CONFLICT REPLACE, v NOT NULL ON CONFLICT REPLACE DEFAULT 'd');
CREATE TABLE c_partial (id INTEGER PRIMARY KEY, u, live);
CREATE UNIQUE INDEX c_partial_u ON c_partial (u) WHERE live;
CREATE TABLE c_expr (id INTEGER PRIMARY KEY, u TEXT, v);
CREATE UNIQUE INDEX c_expr_u ON c_expr (lower(u), v COLLATE NOCASE DESC);
CREATE TABLE c_pair (a, b, v, UNIQUE (a, b));
CREATE TABLE c_ring (id INTEGER PRIMARY KEY, u INTEGER UNIQUE NOT NULL);
CREATE TABLE c_flat (name TEXT PRIMARY KEY, v) WITHOUT ROWID;
CREATE UNIQUE INDEX c_flat_name ON c_flat (name COLLATE NOCASE);
INSERT INTO c_flat VALUES ('ann', 1), ('bob', 2), ('eve', 3);
INSERT INTO c VALUES (1, 'a', 1, 0), (2, 'b', 2, 0), (3, 'c', 3, 0), (4, 'd', 4, 0), (5, NULL, 5, 0);
INSERT INTO c_ignore VALUES (1, 'a', 1), (2, 'b', 2);
INSERT INTO c_fail VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3);
INSERT INTO c_roll VALUES (1, 'a'), (2, 'b');
INSERT INTO c_replace VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3);
INSERT INTO c_partial VALUES (1, 'a', 1), (2, 'a', 0), (3, 'b', 1);
INSERT INTO c_expr VALUES (1, 'A', 'x'), (2, 'b', 'X'), (3, 'c', 'y');
INSERT INTO c_pair VALUES (1, 1, 'a'), (1, 2, 'b'), (NULL, 1, 'c'), (NULL, 1, 'd');
INSERT INTO c_ring WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 11) SELECT i, i FROM n;

-- Statements: one a line. Some fail.

INSERT INTO c VALUES (1, 'x', 0, 0)
INSERT OR REPLACE INTO c VALUES (1, 'x', 10, 1) RETURNING *
INSERT OR REPLACE INTO c VALUES (50, 'b', 20, 1)
REPLACE INTO c (id, u, n) VALUES (3, 'd', 30)
UPDATE OR REPLACE c SET u = 'x' WHERE id = 3
UPDATE OR IGNORE c SET u = 'b' WHERE id = 3
UPDATE OR FAIL c SET u = 'same'
INSERT INTO c VALUES (60, 'b', 1, 1) ON CONFLICT (u) DO UPDATE SET n = n + excluded.n, id = excluded.id
INSERT INTO c VALUES (60, 'zz', 1, 1) ON CONFLICT DO NOTHING
INSERT INTO c VALUES (61, 'b', 1, 1) ON CONFLICT (id) DO NOTHING ON CONFLICT (u) DO UPDATE SET v = 'second' WHERE n > 0 RETURNING v
DELETE FROM c WHERE u = 'b'
INSERT INTO c VALUES (70, 'b', 70, 70)
INSERT OR IGNORE INTO c VALUES (71, 'b', 0, 0), (72, 'new', 0, 0)
INSERT INTO c_ignore VALUES (3, 'a', 3), (4, 'd', NULL), (5, 'e', 5)
UPDATE c_ignore SET u = 'a' WHERE id = 5
INSERT INTO c_fail VALUES (4, 'd', 4), (5, 'a', 5), (6, 'f', 6)
UPDATE c_fail SET v = NULL WHERE id = 1
UPDATE c_fail SET u = 'same'
INSERT INTO c_roll VALUES (3, 'c'), (4, 'a')
UPDATE c_roll SET u = 'b' WHERE id = 1
INSERT INTO c_replace VALUES (1, 'b', 9), (4, 'd', NULL)
UPDATE c_replace SET u = 'c' WHERE id = 4
UPDATE c_replace SET id = 1 WHERE id = 4
INSERT INTO c_partial VALUES (4, 'a', 1)
INSERT INTO c_partial VALUES (5, 'a', NULL), (6, 'a', 0)
UPDATE c_partial SET live = 0 WHERE id = 1
UPDATE c_partial SET live = 1 WHERE id = 2
INSERT OR REPLACE INTO c_partial VALUES (7, 'a', 2)
UPDATE OR REPLACE c_partial SET live = 1 WHERE id = 6
INSERT INTO c_expr VALUES (4, 'a', 'X')
UPDATE c_expr SET u = 'Q' WHERE id = 1
UPDATE c_expr SET u = 'A' WHERE id = 2
UPDATE c_expr SET u = 'B' WHERE id = 1
INSERT OR REPLACE INTO c_expr VALUES (9, 'C', 'Y')
UPDATE c_pair SET b = 3 WHERE b = 1 AND a = 1
UPDATE c_pair SET b = 1 WHERE b = 2
UPDATE c_pair SET b = 2 WHERE b = 3
INSERT OR REPLACE INTO c_pair VALUES (1, 1, 'new'), (NULL, 1, 'e')
UPDATE c SET u = 'park' WHERE id = 3
UPDATE c SET u = 'x' WHERE id = 5
UPDATE c SET u = 'same' WHERE u = 'new'
UPDATE c SET u = 'new' WHERE id = 3
UPDATE c_ring SET u = -u - 1
UPDATE c_ring SET u = -u % 12
REPLACE INTO c_flat VALUES ('BOB', 3)
DELETE FROM c_flat WHERE name = 'BOB'
UPDATE OR REPLACE c_flat SET name = 'EVE' WHERE name = 'ann'
