-- Parents and children: every action, deferred, self references, circles of tables.
-- First the schema, with rows.

CREATE TABLE f (id INTEGER PRIMARY KEY, slug TEXT UNIQUE, v);
CREATE TABLE f_cascade (id INTEGER PRIMARY KEY, f REFERENCES f (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE f_grand (id INTEGER PRIMARY KEY, c REFERENCES f_cascade (id) ON DELETE CASCADE, v);
CREATE TABLE f_null (id INTEGER PRIMARY KEY, f TEXT REFERENCES f (slug) ON DELETE SET NULL ON UPDATE SET NULL);
CREATE TABLE f_default (id INTEGER PRIMARY KEY, f INTEGER DEFAULT 1 REFERENCES f (id) ON DELETE SET DEFAULT ON UPDATE SET DEFAULT);
CREATE TABLE f_restrict (id INTEGER PRIMARY KEY, f REFERENCES f (id) ON DELETE RESTRICT ON UPDATE RESTRICT);
CREATE TABLE f_deferred (id INTEGER PRIMARY KEY, f REFERENCES f (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE f_self (id INTEGER PRIMARY KEY, up REFERENCES f_self (id) ON DELETE CASCADE);
CREATE TABLE f_two_a (id INTEGER PRIMARY KEY, b REFERENCES f_two_b (id) ON DELETE CASCADE);
CREATE TABLE f_two_b (id INTEGER PRIMARY KEY, a REFERENCES f_two_a (id) ON DELETE SET NULL);
CREATE TABLE f_ring_a (id TEXT PRIMARY KEY, b REFERENCES f_ring_b (id) ON UPDATE CASCADE);
CREATE TABLE f_ring_b (id TEXT PRIMARY KEY, c REFERENCES f_ring_c (id) ON UPDATE CASCADE);
CREATE TABLE f_ring_c (id TEXT PRIMARY KEY, a REFERENCES f_ring_a (id) ON UPDATE CASCADE ON DELETE SET NULL) WITHOUT ROWID;
CREATE TABLE f_pair (a TEXT, b INTEGER, v, PRIMARY KEY (a, b));
CREATE TABLE f_pair_child (id INTEGER PRIMARY KEY, a TEXT, b INTEGER, FOREIGN KEY (a, b) REFERENCES f_pair ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE a_child (id INTEGER PRIMARY KEY, f REFERENCES f (id) ON DELETE CASCADE);
INSERT INTO f VALUES (1, 'one', 0), (2, 'two', 0), (3, 'three', 0), (4, 'four', 0), (5, 'five', 0), (6, 'six', 0), (7, 'seven', 0);
INSERT INTO f_cascade VALUES (1, 2), (2, 2), (3, 3), (4, 4);
INSERT INTO f_grand VALUES (1, 1, 'x'), (2, 3, 'y'), (3, 4, 'z');
INSERT INTO f_null VALUES (1, 'two'), (2, 'three'), (3, NULL);
INSERT INTO f_default VALUES (1, 2), (2, 3), (3, 4);
INSERT INTO f_restrict VALUES (1, 5), (2, 6);
INSERT INTO f_deferred VALUES (1, 6), (2, 1);
INSERT INTO f_self VALUES (1, NULL), (2, 1), (3, 2), (4, 4), (5, 3);
INSERT INTO f_two_a VALUES (1, NULL), (2, NULL);
INSERT INTO f_two_b VALUES (1, 1), (2, 2);
UPDATE f_two_a SET b = 3 - id;
INSERT INTO f_ring_a VALUES ('a', NULL), ('x', NULL);
INSERT INTO f_ring_c VALUES ('c', 'a'), ('z', 'x');
INSERT INTO f_ring_b VALUES ('b', 'c'), ('y', 'z');
UPDATE f_ring_a SET b = iif(id = 'a', 'b', 'y');
INSERT INTO f_pair VALUES ('p', 1, 1), ('p', 2, 2), ('q', 1, 3);
INSERT INTO f_pair_child VALUES (1, 'p', 1), (2, 'p', 2), (3, 'q', NULL), (4, NULL, 7);
INSERT INTO a_child VALUES (1, 4), (2, 7);

-- Statements: one a line. Some fail.

DELETE FROM f WHERE id = 5
UPDATE f_restrict SET f = 1 WHERE f = 5
DELETE FROM f WHERE id = 5
UPDATE f SET id = 60 WHERE id = 6
DELETE FROM f_restrict WHERE f = 6
UPDATE f_deferred SET f = 2 WHERE id = 1
UPDATE f SET id = 60 WHERE id = 6
UPDATE f_cascade SET f = 1 WHERE id = 1
UPDATE f SET slug = 'TWO' WHERE id = 2
UPDATE f SET id = 30, slug = '3' WHERE id = 3
DELETE FROM f_deferred WHERE f = 2
DELETE FROM f WHERE id = 2
UPDATE a_child SET f = 1 WHERE f = 7
DELETE FROM f WHERE id = 7
DELETE FROM f WHERE id = 4
INSERT INTO f VALUES (4, 'four', 'again'), (2, 'two', 'again')
INSERT INTO a_child VALUES (3, 4), (4, 2)
INSERT INTO f_cascade VALUES (9, 99)
INSERT INTO f_null VALUES (9, 'nobody')
UPDATE f_null SET f = 'two' WHERE id = 3
INSERT INTO f_self VALUES (10, 11), (11, 12), (12, 10)
UPDATE f_self SET id = 20 WHERE id = 5
DELETE FROM f_self WHERE id = 2
INSERT OR REPLACE INTO f_self VALUES (4, 4)
DELETE FROM f_two_a WHERE id = 1
INSERT INTO f_two_b VALUES (7, NULL)
UPDATE f_two_b SET a = NULL
UPDATE f_ring_a SET id = 'A' WHERE id = 'a'
UPDATE f_ring_b SET id = 'swap' WHERE id = 'b'
UPDATE f_ring_b SET id = 'b' WHERE id = 'y'
UPDATE f_ring_b SET id = 'y' WHERE id = 'swap'
DELETE FROM f_ring_a WHERE id = 'x'
UPDATE f_pair SET b = 3 WHERE a = 'p' AND b = 1
UPDATE f_pair SET a = 'r', b = 1 WHERE a = 'p' AND b = 2
DELETE FROM f_pair WHERE a = 'q'
INSERT INTO f_pair_child VALUES (5, 'p', 99)
INSERT INTO f_pair_child VALUES (5, 'p', 3)
