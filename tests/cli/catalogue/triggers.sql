-- Triggers of the user's: counters, logs, BEFORE, INSTEAD OF, RAISE, chains, CASE and quotes in their bodies.
-- First the schema, with rows.

CREATE TABLE t_log (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT);
CREATE TABLE t_count (tbl TEXT PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0, touched TEXT);
CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n INTEGER, updated_at TEXT);
CREATE TABLE t_chain (id INTEGER PRIMARY KEY, v INTEGER);
CREATE TABLE t_end (id INTEGER PRIMARY KEY, "end" TEXT, "begin" TEXT, "case" INTEGER);
CREATE VIEW t_view AS SELECT id, name || '!' AS loud FROM t;
CREATE TRIGGER t_counter AFTER INSERT ON t BEGIN
  INSERT OR IGNORE INTO t_count (tbl) VALUES ('t');
  UPDATE t_count SET n = n + 1 WHERE tbl = 't';
END;
CREATE TRIGGER t_counted AFTER DELETE ON t BEGIN UPDATE t_count SET n = n - 1 WHERE tbl = 't'; END;
CREATE TRIGGER t_touch AFTER UPDATE OF name ON t FOR EACH ROW WHEN new.name IS NOT old.name
BEGIN -- keeps the year
  UPDATE t SET updated_at = strftime('%Y', 'now') /* in UTC */ WHERE id = new.id;
END;
CREATE TRIGGER t_logged AFTER UPDATE ON t begin
  insert into t_log (what) values (case when new.n is null then 'it''s  nothing;' when new.n > 5 then case new.n when 6 then 'six -- END;' else "other" end else 'few' end || new.name);
end;
CREATE TRIGGER t_abort BEFORE INSERT ON t WHEN new.n = -1 BEGIN SELECT RAISE(ABORT, 'no; not -1'); END;
CREATE TRIGGER t_fail BEFORE UPDATE ON t WHEN new.n = -2 BEGIN SELECT RAISE(FAIL, 'not -2'); END;
CREATE TRIGGER t_roll BEFORE UPDATE ON t WHEN new.n = -3 BEGIN SELECT RAISE(ROLLBACK, 'not -3'); END;
CREATE TRIGGER t_skip BEFORE DELETE ON t WHEN old.n = 42 BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER t_before BEFORE DELETE ON t BEGIN INSERT INTO t_log (what) VALUES ('goes: ' || old.id); DELETE FROM t_chain WHERE id = old.id; END;
CREATE TRIGGER chain_1 AFTER INSERT ON t_chain WHEN new.v < 3 BEGIN UPDATE t_chain SET v = v + 1 WHERE id = new.id; END;
CREATE TRIGGER chain_2 AFTER UPDATE ON t_chain BEGIN INSERT INTO t (name, n) VALUES ('chained', new.v); END;
CREATE TRIGGER "t ""odd""; name" AFTER INSERT ON t_end BEGIN
  UPDATE t_end SET "end" = CASE "case" WHEN 1 THEN "begin" ELSE 'END;' END WHERE id = new.id;
END;
CREATE TRIGGER view_insert INSTEAD OF INSERT ON t_view BEGIN INSERT INTO t (id, name) VALUES (new.id, replace(new.loud, '!', '')); END;
CREATE TRIGGER view_update INSTEAD OF UPDATE OF loud ON t_view BEGIN UPDATE t SET name = trim(new.loud, '!') WHERE id = old.id; END;
CREATE TRIGGER view_delete INSTEAD OF DELETE ON t_view BEGIN DELETE FROM t WHERE id = old.id; INSERT INTO t_log (what) VALUES ('by view'); END;
INSERT INTO t VALUES (1, 'a', 1, '2000'), (2, 'b', 2, '2000'), (3, 'c', 42, '2000');

-- Statements: one a line. Some fail.

INSERT INTO t (name, n) VALUES ('d', 4), ('e', 5) RETURNING id
INSERT INTO t (name, n) VALUES ('f', 6), ('g', -1)
UPDATE t SET n = id * 2
UPDATE t SET n = 42 WHERE id = 3
UPDATE t SET name = 'A' WHERE id = 1
UPDATE t SET updated_at = 'by hand' WHERE id = 1
UPDATE t SET name = name WHERE id = 2
UPDATE t SET n = -2 WHERE id > 1
UPDATE t SET n = iif(id = 2, -3, 8)
UPDATE t SET n = NULL WHERE id = 2
DELETE FROM t WHERE id IN (3, 4)
INSERT INTO t_chain VALUES (5, 1), (6, 3), (7, 2)
UPDATE t_chain SET v = 9 WHERE id = 6
DELETE FROM t WHERE id = 5
INSERT INTO t_end (id, "begin", "case") VALUES (1, 'x', 1), (2, 'y', 2)
INSERT INTO t_view VALUES (90, 'seen!')
UPDATE t_view SET loud = 'louder!!' WHERE id = 90
UPDATE t_view SET id = 91 WHERE id = 90
DELETE FROM t_view WHERE id = 1
INSERT OR REPLACE INTO t VALUES (90, 'replaced', 7, NULL)
DELETE FROM t_count WHERE n < 0
