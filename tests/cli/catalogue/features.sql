-- Generated columns, defaults, STRICT, CHECK, COLLATE, indexes, views, and odd names.
-- First the schema, with rows.

CREATE TABLE "s generated" (id INTEGER PRIMARY KEY, a INTEGER, stored AS (a * 2) STORED UNIQUE, virt TEXT AS (a || '!') VIRTUAL);
CREATE INDEX s_virt ON "s generated" (virt);
CREATE TABLE s_default (id INTEGER PRIMARY KEY, a DEFAULT (1 + 2), b TEXT DEFAULT 'it''s; -- ?', c DEFAULT (strftime('%Y', 'now')), d BLOB DEFAULT X'00', e REAL NOT NULL DEFAULT 3);
CREATE TABLE s_strict (id INT PRIMARY KEY, t TEXT NOT NULL, r REAL, any ANY) STRICT, WITHOUT ROWID;
CREATE TABLE s_check (id INTEGER PRIMARY KEY, a CHECK (a > 0), j TEXT CHECK (json_valid(j)), CHECK (a IS NOT 13 OR j IS NULL));
CREATE TABLE s_collate (a TEXT COLLATE NOCASE, b TEXT COLLATE RTRIM, UNIQUE (a, b));
CREATE INDEX s_partial ON s_check (a) WHERE a > 5;
CREATE INDEX s_expr ON s_check (a + 1, json_extract(j, '$.x') COLLATE NOCASE);
CREATE VIEW "a view" AS SELECT * FROM "z view" WHERE a > 1;
CREATE VIEW "z view" AS SELECT id, a FROM s_check UNION ALL SELECT id, a FROM "s generated";
CREATE VIEW cte (n) AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n;
CREATE TABLE changefeed (id INTEGER PRIMARY KEY, at TEXT);
CREATE TABLE "select" ("from" TEXT PRIMARY KEY, "group by" INTEGER, "order" REAL);
CREATE TABLE "two words" ("a b" INTEGER PRIMARY KEY, "c""d" TEXT, "e]f" TEXT);
CREATE TABLE "a.b" ("c.d" TEXT, "100%_x" TEXT UNIQUE);
CREATE TABLE 'it''s' ("it's" INTEGER PRIMARY KEY, "ünï 😀" TEXT, "?1" TEXT, ";--" TEXT);
CREATE TABLE "ünï" (id INTEGER PRIMARY KEY, old, new, excluded, rowid);
INSERT INTO "s generated" (id, a) VALUES (1, 1), (2, 2), (3, 3);
INSERT INTO s_default DEFAULT VALUES;
INSERT INTO s_strict VALUES (1, 'a', 1, 1), (2, 'b', 2, X'02');
INSERT INTO s_check VALUES (1, 1, '{}'), (2, 7, '{"x":"A"}');
INSERT INTO s_collate VALUES ('a', 'b'), ('c', 'd  ');
INSERT INTO changefeed VALUES (1, 'x'), (2, 'y');
INSERT INTO "select" VALUES ('a', 1, 1), ('b', 2, 2);
INSERT INTO "two words" VALUES (1, 'x', 'y'), (2, 'x', 'y');
INSERT INTO "a.b" VALUES ('a', 'b'), ('c', 'd');
INSERT INTO 'it''s' VALUES (1, 'a', 'b', 'c');
INSERT INTO "ünï" VALUES (1, 1, 2, 3, 4);

-- Statements: one a line. Some fail.

INSERT INTO "s generated" (id, a) VALUES (4, 1)
INSERT INTO "s generated" (a) VALUES (4) RETURNING *
UPDATE "s generated" SET a = 30 WHERE id = 3
UPDATE "s generated" SET a = 3 WHERE id = 2
UPDATE "s generated" SET a = 2 WHERE id = 3
DELETE FROM "s generated" WHERE virt = '1!'
INSERT INTO s_default DEFAULT VALUES
INSERT INTO s_default (a) VALUES (NULL) RETURNING *
UPDATE s_default SET e = 4, d = NULL WHERE id = 1
INSERT INTO s_strict VALUES (3, 'c', 'no', 1)
INSERT INTO s_strict VALUES ('4', 4, 4, '4')
UPDATE s_strict SET any = 2.0 WHERE id = 2
UPDATE s_strict SET id = 10 WHERE id = 1
INSERT INTO s_check VALUES (3, 0, NULL)
INSERT INTO s_check VALUES (3, 3, 'no json')
INSERT INTO s_check VALUES (3, 13, NULL), (4, 8, '[1, 2]')
UPDATE s_check SET a = 13, j = NULL WHERE id = 2
UPDATE s_check SET j = '{"x": "it''s"}' WHERE id = 1
INSERT INTO s_collate VALUES ('A', 'b  ')
UPDATE s_collate SET a = 'A', b = 'b ' WHERE a = 'a'
UPDATE s_collate SET a = upper(a) WHERE b = 'd'
INSERT INTO changefeed (at) VALUES ('z')
UPDATE changefeed SET at = 'X' WHERE id = 1
DELETE FROM changefeed WHERE id = 2
UPDATE "select" SET "group by" = 5, "from" = 'c' WHERE "from" = 'a'
DELETE FROM "select" WHERE "order" = 2
INSERT INTO "select" VALUES ('values', NULL, -0.0)
UPDATE "two words" SET "c""d" = 'it''s', "e]f" = NULL WHERE "a b" = 2
INSERT INTO "two words" VALUES (3, '', '""')
UPDATE "a.b" SET "c.d" = 'A', "100%_x" = 'x' WHERE "c.d" = 'a'
UPDATE "a.b" SET "100%_x" = 'b' WHERE "c.d" = 'c'
INSERT INTO "a.b" VALUES ('%', '_')
UPDATE 'it''s' SET "ünï 😀" = '😀', "?1" = '?1', ";--" = ';--'
INSERT INTO 'it''s' ("ünï 😀") VALUES ('x')
UPDATE "ünï" SET old = new, new = old, excluded = 'e', rowid = 'r'
INSERT INTO "ünï" (old) VALUES (1) ON CONFLICT DO NOTHING
INSERT INTO "a view" VALUES (1, 1)
UPDATE wide SET c0 = c0 + 1, c1 = 'it''s', c2 = 2.5, c3 = 3.0, c4 = X'04', c99 = 'last' WHERE c0 = 1
UPDATE wide SET c50 = NULL
UPDATE wide_none SET c1 = c1 || '!'
DELETE FROM wide WHERE c0 = 5
UPDATE wide_key SET c0 = 'new', c99 = 1 WHERE c0 = 'k1'
DELETE FROM wide_key WHERE c0 = 'k2'
UPDATE wide_unique SET c3 = 'x' WHERE c3 = 'u13'
ANALYZE

-- Queries: one a line.

SELECT id || ' ' || a FROM "a view" ORDER BY 1
SELECT n FROM cte
SELECT virt FROM "s generated" ORDER BY id
