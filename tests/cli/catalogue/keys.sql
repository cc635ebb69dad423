-- Keys of every kind, and rows that change or trade them.
-- First the schema, with rows.

CREATE TABLE k_int (id INTEGER PRIMARY KEY, v);
CREATE TABLE k_auto (id INTEGER PRIMARY KEY AUTOINCREMENT, v);
CREATE TABLE k_text (id TEXT PRIMARY KEY, v);
CREATE TABLE k_pair (a TEXT, b INTEGER, v, PRIMARY KEY (a, b));
CREATE TABLE k_flat (a TEXT COLLATE NOCASE, b, v, PRIMARY KEY (b, a)) WITHOUT ROWID;
CREATE TABLE k_case (id TEXT COLLATE NOCASE PRIMARY KEY, v);
CREATE TABLE k_none (v);
CREATE TABLE k_named (rowid TEXT, v);
CREATE TABLE k_oid (oid INTEGER PRIMARY KEY, rowid, v);
CREATE TABLE k_three (rowid, oid, _rowid_, v);
CREATE TABLE k_three_key (rowid TEXT NOT NULL, oid, _rowid_ INTEGER NOT NULL, v, PRIMARY KEY (_rowid_, rowid));
-- A key that tells apart what its column does not.
CREATE TABLE k_sharp (id TEXT COLLATE NOCASE, v, PRIMARY KEY (id COLLATE BINARY));
CREATE TABLE k_sharp_flat (id TEXT COLLATE NOCASE, v, PRIMARY KEY (id COLLATE BINARY)) WITHOUT ROWID;
-- And one that does not tell apart what its column does.
CREATE TABLE k_blunt (id TEXT, v, PRIMARY KEY (id COLLATE NOCASE));
CREATE TABLE k_blunt_flat (id TEXT, v, PRIMARY KEY (id COLLATE NOCASE)) WITHOUT ROWID;
INSERT INTO k_blunt VALUES ('a', 1), ('b', 2), ('c', 3);
INSERT INTO k_blunt_flat VALUES ('a', 1), ('b', 2), ('c', 3);
INSERT INTO k_sharp VALUES ('a', 1), ('A', 2), ('b', 3);
INSERT INTO k_sharp_flat VALUES ('a', 1), ('A', 2), ('b', 3);
INSERT INTO k_int VALUES (1, 'a'), (2, 'b'), (3, 'c');
INSERT INTO k_auto VALUES (7, 'a'), (40, 'b');
INSERT INTO k_text VALUES ('a', 1), ('b', 2), (NULL, 3), (NULL, 3);
INSERT INTO k_pair VALUES ('a', 1, 1), ('a', 2, 2), (NULL, 2, 3), (NULL, 2, 4);
INSERT INTO k_flat VALUES ('a', 1, 1), ('a', 2, 2), ('b', 1.5, 3);
INSERT INTO k_case VALUES ('a', 1), ('B', 2);
INSERT INTO k_none (rowid, v) VALUES (3, 'x'), (9, 'x'), (12, 'y');
INSERT INTO k_named VALUES ('a', 1), ('a', 1), ('b', 2);
INSERT INTO k_oid VALUES (5, 'a', 1), (6, 'b', 2);
INSERT INTO k_three VALUES (1, 2, 3, 'a'), (1, 2, 3, 'a'), (NULL, NULL, NULL, 'b');
INSERT INTO k_three_key VALUES ('a', 1, 1, 'a'), ('b', 2, 1, 'b');

-- Statements: one a line. Some fail.

INSERT INTO k_int (v) VALUES ('next')
INSERT INTO k_int VALUES (9223372036854775807, 'max'), (-9223372036854775808, 'min'), (9007199254740993, 'odd'), (0, 'zero'), (-1, 'minus')
UPDATE k_int SET id = 4711 WHERE id = 1
UPDATE k_int SET id = 1 WHERE id = 2
UPDATE k_int SET id = 2 WHERE id = 4711
UPDATE k_int SET id = id - 1, v = v || '!' WHERE id = 9223372036854775807
DELETE FROM k_int WHERE id = 3
INSERT INTO k_auto (v) VALUES ('next')
DELETE FROM k_auto WHERE id >= 40
INSERT INTO k_auto (v) VALUES ('after the gap') RETURNING id
DELETE FROM k_auto WHERE id > 40
UPDATE k_text SET id = 'c' WHERE id = 'a'
UPDATE k_text SET id = 'a' WHERE id = 'b'
UPDATE k_text SET id = 'b' WHERE id = 'c'
UPDATE k_text SET v = 4 WHERE id IS NULL AND rowid = 3
DELETE FROM k_text WHERE id IS NULL AND rowid = 4
INSERT INTO k_text VALUES (NULL, 5), ('it''s; --', 6), (X'00', 7), ('1', 8), (1.0, 9)
UPDATE k_pair SET b = 3 WHERE a = 'a' AND b = 1
UPDATE k_pair SET b = 1 WHERE a = 'a' AND b = 2
UPDATE k_pair SET b = 2 WHERE a = 'a' AND b = 3
UPDATE k_pair SET v = v * 10 WHERE a IS NULL
DELETE FROM k_pair WHERE v = 40
UPDATE k_flat SET a = 'A' WHERE a = 'a' AND b = 1
UPDATE k_flat SET b = 3 WHERE a = 'a' AND b = 2
UPDATE k_flat SET b = '1.5' WHERE b = 1.5
INSERT INTO k_flat VALUES ('c', X'01', 4), ('c', '', 5), ('A', 1, 6)
UPDATE k_case SET id = 'A' WHERE id = 'a'
UPDATE k_case SET id = 'x' WHERE id = 'a'
UPDATE k_case SET id = 'a' WHERE id = 'b'
UPDATE k_case SET id = 'b' WHERE id = 'x'
INSERT INTO k_case VALUES ('b', 3)
INSERT INTO k_none (rowid, v) VALUES (100, 'z'), (5, 'x')
INSERT INTO k_none VALUES ('next')
UPDATE k_none SET v = 'changed' WHERE rowid = 9
UPDATE k_none SET rowid = 50 WHERE rowid = 12
DELETE FROM k_none WHERE rowid = 3
UPDATE k_named SET v = 5 WHERE _rowid_ = 2
UPDATE k_named SET rowid = 'A' WHERE _rowid_ = 1
DELETE FROM k_named WHERE rowid = 'b'
INSERT INTO k_named VALUES ('c', NULL)
UPDATE k_oid SET oid = 4711 WHERE oid = 5
UPDATE k_oid SET rowid = 'c', oid = 5 WHERE oid = 6
INSERT INTO k_oid (rowid) VALUES ('next') RETURNING oid
UPDATE k_three SET v = 'c' WHERE v = 'b'
INSERT INTO k_three VALUES (X'', '', 0.0, 'd')
DELETE FROM k_three WHERE v = 'a'
UPDATE k_three_key SET rowid = 'c' WHERE rowid = 'a'
UPDATE k_three_key SET rowid = 'a' WHERE rowid = 'b'
UPDATE k_three_key SET rowid = 'b', v = 'traded' WHERE rowid = 'c'
INSERT INTO k_three_key VALUES ('c', NULL, 2, 'new')
DELETE FROM k_sharp WHERE v = 2
UPDATE k_sharp SET id = 'B' WHERE v = 3
INSERT INTO k_sharp VALUES ('b', 4)
DELETE FROM k_sharp_flat WHERE v = 1
UPDATE k_sharp_flat SET v = 5 WHERE v = 2
INSERT INTO k_sharp_flat VALUES ('B', 4)
REPLACE INTO k_blunt VALUES ('A', 4)
UPDATE k_blunt SET id = 'B' WHERE id = 'b'
UPDATE OR REPLACE k_blunt_flat SET id = 'A' WHERE id = 'b'
REPLACE INTO k_blunt_flat VALUES ('C', 4)
DELETE FROM k_blunt_flat WHERE id = 'C'
