-- FTS5 of every kind of content, and R*Tree.
-- First the schema, with rows.

CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT, body TEXT);
CREATE VIRTUAL TABLE posts_fts USING fts5(title, body, content='posts', content_rowid='id', prefix='2 3');
CREATE TRIGGER posts_ai AFTER INSERT ON posts BEGIN INSERT INTO posts_fts(rowid, title, body) VALUES (new.id, new.title, new.body); END;
CREATE TRIGGER posts_ad AFTER DELETE ON posts BEGIN INSERT INTO posts_fts(posts_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body); END;
CREATE TRIGGER posts_au AFTER UPDATE ON posts BEGIN
  INSERT INTO posts_fts(posts_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
  INSERT INTO posts_fts(rowid, title, body) VALUES (new.id, new.title, new.body);
END;
CREATE TABLE pages (id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE pages_fts USING fts5(body, tokenize='trigram');
CREATE TRIGGER pages_ai AFTER INSERT ON pages BEGIN INSERT INTO pages_fts(rowid, body) VALUES (new.id, new.body); END;
CREATE TRIGGER pages_ad AFTER DELETE ON pages BEGIN DELETE FROM pages_fts WHERE rowid = old.id; END;
CREATE TRIGGER pages_au AFTER UPDATE ON pages BEGIN UPDATE pages_fts SET body = new.body WHERE rowid = new.id; END;
CREATE VIRTUAL TABLE own USING fts5(a, b UNINDEXED, tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE bare USING fts5(x, content='', detail=full);
CREATE VIRTUAL TABLE uncounted USING fts5(x, content='', columnsize=0);
CREATE VIRTUAL TABLE stored USING fts5(x, y UNINDEXED, content='', contentless_unindexed=1, contentless_delete=1);
CREATE VIEW post_text AS SELECT id, title || ' ' || body AS t FROM posts;
CREATE VIRTUAL TABLE view_fts USING fts5(t, content='post_text', content_rowid='id');
CREATE VIRTUAL TABLE "odd 'name'" USING fts5("the text", detail=column);
CREATE VIRTUAL TABLE areas USING rtree(id, min_x, max_x, min_y, max_y, +name, +data);
CREATE VIRTUAL TABLE grid USING rtree_i32(id, a, b);
INSERT INTO posts VALUES (1, 'hello world', 'first post'), (2, 'goodbye', 'second post'), (3, 'third', 'hello hello');
INSERT INTO pages VALUES (1, 'walking dogs'), (2, 'cats');
INSERT INTO own (rowid, a, b) VALUES (5, 'running dogs', 'u'), (7, 'cafés', 3), (8, 'cats', NULL);
INSERT INTO bare (rowid, x) VALUES (1, 'words without a text'), (9, 'more words');
INSERT INTO uncounted (rowid, x) VALUES (1, 'one two'), (5, 'three');
INSERT INTO stored (rowid, x, y) VALUES (1, 'one', 'kept'), (2, 'two', X'00'), (3, 'three', NULL);
INSERT INTO view_fts(view_fts) VALUES ('rebuild');
INSERT INTO "odd 'name'" VALUES ('it''s odd'), ('even');
INSERT INTO areas VALUES (3, 1.1, 2.2, 0, 1, 'a', X'00'), (4, 5, 6, 7, 8, NULL, NULL);
INSERT INTO grid VALUES (1, -5, 5), (2, 0, 2147483647);
INSERT INTO own(own, rank) VALUES ('rank', 'bm25(10.0, 5.0)');
INSERT INTO posts_fts(posts_fts, rank) VALUES ('automerge', 8);

-- Statements: one a line. Some fail.

UPDATE posts SET title = 'hello mars' WHERE id = 1
DELETE FROM posts WHERE id = 2
INSERT INTO posts VALUES (9, 'a new post', 'xyz')
UPDATE posts SET id = 30 WHERE id = 3
INSERT INTO posts_fts(posts_fts, rank) VALUES ('rank', 'bm25(10.0, 1.0)')
INSERT INTO pages (body) VALUES ('jumping')
UPDATE pages SET body = 'sleeping cats' WHERE id = 2
DELETE FROM pages WHERE id = 1
UPDATE own SET a = 'horses' WHERE rowid = 5
DELETE FROM own WHERE rowid = 8
INSERT INTO own VALUES ('z', 'y')
INSERT INTO own(own, rank) VALUES ('rank', 'bm25(1.0)')
INSERT INTO bare(bare, rowid, x) VALUES ('delete', 9, 'more words')
INSERT INTO bare (rowid, x) VALUES (10, 'later')
INSERT INTO uncounted (rowid, x) VALUES (7, 'seven')
INSERT INTO stored (rowid, x, y) VALUES (4, 'four', 4.5)
DELETE FROM stored WHERE rowid = 2
INSERT OR REPLACE INTO stored (rowid, x, y) VALUES (1, 'one', 'changed')
INSERT INTO view_fts(view_fts) VALUES ('rebuild')
DELETE FROM "odd 'name'" WHERE "the text" = 'even'
INSERT INTO "odd 'name'" VALUES ('odder')
INSERT INTO "odd 'name'"("odd 'name'") VALUES ('optimize')
UPDATE areas SET max_x = 7, name = 'b' WHERE id = 3
DELETE FROM areas WHERE id = 4
INSERT INTO areas VALUES (5, 1, 2.5, 3, 4, 'z', 'text')
INSERT INTO areas VALUES (6, 9, 1, 0, 0, 'refused', NULL)
UPDATE grid SET id = 7 WHERE id = 2
INSERT INTO grid VALUES (8, 1, 2)

-- Queries: one a line.

SELECT rowid FROM posts_fts('hello') ORDER BY rank
SELECT rank FROM posts_fts('hello') ORDER BY rank
SELECT rowid FROM posts_fts('goodbye')
SELECT rowid FROM posts_fts('he*')
SELECT snippet(posts_fts, 0, '[', ']', '…', 2) FROM posts_fts('mars')
SELECT rowid FROM pages_fts('leep')
SELECT rowid FROM pages_fts('alk')
SELECT rowid FROM own('horse OR cafe OR cat')
SELECT rank FROM own('horse OR cafe')
SELECT rowid FROM bare('words')
SELECT rowid FROM bare('"without a text"')
SELECT rowid FROM bare('later')
SELECT rowid FROM uncounted('two OR three OR seven')
SELECT rowid FROM stored('one OR two OR four')
SELECT y FROM stored ORDER BY rowid
SELECT rowid FROM view_fts('mars OR post')
SELECT rowid FROM "odd 'name'"('odd OR even OR odder')
SELECT name FROM areas WHERE max_x > 2 AND min_y < 4 ORDER BY id
SELECT id FROM grid WHERE a <= 1 AND b >= 2 ORDER BY id
