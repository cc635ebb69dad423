//! Bad input, by the list of what can be bad: databases, names, messages, migrations, tables of bookkeeping, full disks. Each
//! is status 2 with one line of `error:` and one of `help:`, and everything stays as it was; or it is no harm at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rusqlite::backup::Progress;
use rusqlite::{Connection, MAIN_DB};
use tempfile::TempDir;

use crate::support::equal::assert_same_database;
use crate::support::project::Scratch;
use crate::support::run::{Run, command, tool};

/// A project at one moment: its files outside of `.wrangler`, and a copy of its database.
pub(crate) struct Before {
    files: BTreeMap<PathBuf, Vec<u8>>,
    copy: TempDir,
    applied: Vec<String>,
}

impl Before {
    pub(crate) fn of(project: &Scratch) -> Self {
        let copy = TempDir::new().expect("a temporary folder");
        let source = project.sqlite();
        source.backup(MAIN_DB, copy.path().join("copy.sqlite"), None::<fn(Progress)>).expect("a copy");
        Self { files: files(project), copy, applied: applied(&source) }
    }

    #[track_caller]
    pub(crate) fn is_still(&self, project: &Scratch) {
        let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        let now = files(project);
        assert_eq!(names(&now), names(&self.files), "the files");
        assert!(now == self.files, "a file was changed");
        assert_same_database(&self.copy.path().join("copy.sqlite"), &project.local_file());
        assert_eq!(applied(&project.sqlite()), self.applied, "the migrations table");
    }
}

fn files(project: &Scratch) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![project.root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            match entry.file_type().expect("a kind") {
                kind if kind.is_dir() && entry.file_name() != ".wrangler" => folders.push(entry.path()),
                kind if kind.is_file() => {
                    drop(found.insert(entry.path(), fs::read(entry.path()).expect("a file")))
                }
                _ => {}
            }
        }
    }
    found
}

fn applied(conn: &Connection) -> Vec<String> {
    let Ok(mut rows) = conn.prepare("SELECT CAST(name AS TEXT) FROM d1_migrations ORDER BY id") else {
        return Vec::new();
    };
    let names = rows.query_map([], |row| row.get::<_, Option<String>>(0)).expect("names");
    names.map(|name| name.expect("a name").unwrap_or_default()).collect()
}

/// The run fails, and leaves everything as it was.
#[track_caller]
pub(crate) fn fails_in_vain(project: &Scratch, args: &[&str], says: &str) -> Run {
    let before = Before::of(project);
    let run = project.d1(args.iter().copied()).fails(says);
    before.is_still(project);
    run
}

/// With one tag that no migration holds yet.
pub(crate) fn pending() -> Scratch {
    let project = Scratch::seeded();
    project.d1([]).success();
    project.sql("INSERT INTO tags VALUES (3, 'pending')");
    project
}

const EVERY_COMMAND: [&[&str]; 12] = [
    &[],
    &["init"],
    &["status"],
    &["check"],
    &["verify"],
    &["data", "-m", "x"],
    &["schema", "-m", "x"],
    &["apply"],
    &["track"],
    &["untrack"],
    &["log"],
    &["path"],
];

#[test]
fn what_is_no_database_is_refused_by_every_command_and_left_alone() {
    let sound = Scratch::seeded();
    sound.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    let sound = fs::read(sound.local_file()).expect("a database");
    let with = |at: usize, bytes: &[u8]| {
        let mut copy = sound.clone();
        copy[at..at + bytes.len()].copy_from_slice(bytes);
        copy
    };
    let encrypted: Vec<u8> = (0..8192_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for (what, bytes) in [
        ("text", b"this is a text, and as long as a header\n".repeat(90)),
        ("a short text", b"hi".to_vec()),
        ("half a header", sound[..50].to_vec()),
        ("a header alone", sound[..100].to_vec()),
        ("one page", sound[..4096].to_vec()),
        ("half", sound[..sound.len() / 2].to_vec()),
        ("encrypted", encrypted),
        ("a newer schema format", with(44, &[0, 0, 0, 5])),
        ("a newer file format", with(18, &[3, 3])),
    ] {
        let project = Scratch::guestbook();
        project.create_database();
        for suffix in ["-wal", "-shm"] {
            drop(fs::remove_file(format!("{}{suffix}", project.local_file().display())));
        }
        fs::write(project.local_file(), &bytes).expect("it is writable");
        project.write("migrations/0001_a.sql", "CREATE TABLE a (b);\n");
        for args in EVERY_COMMAND {
            project.d1(args.iter().copied()).fails("not an SQLite database that can be read");
            assert!(fs::read(project.local_file()).expect("it is there") == bytes, "{what}: {args:?}");
        }
        assert_eq!(project.migrations(), ["0001_a.sql"], "{what}");
    }
}

#[test]
fn a_folder_or_nothing_in_place_of_the_database_is_refused() {
    let project = Scratch::guestbook();
    fs::create_dir_all(project.local_file()).expect("a folder");
    for args in EVERY_COMMAND.into_iter().filter(|args| *args != ["apply"]) {
        project.d1(args.iter().copied()).fails("it is a folder");
    }
    fs::remove_dir(project.local_file()).expect("it is empty");
    for args in EVERY_COMMAND.into_iter().filter(|args| *args != ["apply"]) {
        project.d1(args.iter().copied()).fails("there is no local database").stderr_has("apply");
    }
    fs::write(project.local_file(), "").expect("it is writable");
    project.d1(["check"]).fails("the file is empty");
}

#[test]
fn a_database_in_utf_16_is_refused_with_the_reason() {
    let project = Scratch::guestbook();
    fs::create_dir_all(project.local_file().parent().expect("a folder")).expect("a folder");
    project.sql("PRAGMA encoding = 'UTF-16le'; CREATE TABLE a (b); INSERT INTO a VALUES ('ü')");
    fails_in_vain(&project, &["check"], "encoding");
    fails_in_vain(&project, &["init"], "encoding");
    // Also the first thing that the pipeline finds; nothing is tracked by then.
    fails_in_vain(&project, &[], "encoding");
}

#[test]
fn a_database_that_can_be_read_but_not_written_gets_no_migration() {
    let project = pending();
    project.sql("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE");
    let mut bytes = fs::read(project.local_file()).expect("a database");
    bytes[18] = 3;
    fs::write(project.local_file(), bytes).expect("it is writable");
    let before = project.migrations();
    project.d1(["data", "-m", "x"]).fails("cannot be written");
    assert_eq!(project.migrations(), before);
}

#[test]
fn a_message_without_a_letter_is_refused_by_every_command_that_takes_one() {
    let project = pending();
    for message in ["", "   ", "\u{1f600}\u{1f600}", "///", "...", "\u{7}\u{1b}", "\n", "--"] {
        fails_in_vain(&project, &["data", &format!("--message={message}")], "message");
    }
    project.d1([]).success();
    fails_in_vain(&project, &["schema", "--message=///"], "message");
    let project = Scratch::seeded();
    fails_in_vain(&project, &["init", "--message=///"], "message");
}

#[test]
fn any_other_message_becomes_a_short_and_harmless_file_name() {
    let long = "x".repeat(300);
    for (message, name) in [
        ("../../etc/passwd", "0002_etc_passwd.sql"),
        ("a\nDROP TABLE tags;\n--", "0002_a_drop_table_tags.sql"),
        ("\u{1b}[31mred\u{7}", "0002_31mred.sql"),
        (".hidden", "0002_hidden.sql"),
        ("--help", "0002_help.sql"),
        ("$HOME `id` %s", "0002_home_id_s.sql"),
        (&long, ""),
    ] {
        let project = pending();
        project.d1(["data", &format!("--message={message}")]).success();
        let migrations = project.migrations();
        assert!(migrations[1].len() <= 120, "{migrations:?}");
        assert!(name.is_empty() || migrations[1] == name, "{migrations:?}");
        project.assert_replay_agrees();
    }
}

#[test]
fn a_migration_that_is_not_utf_8_is_shown_with_its_line_and_column() {
    let project = pending();
    let path = project.root().join("migrations/0002_latin.sql");
    fs::write(path, b"-- fine\nINSERT INTO tags VALUES (3, '\xff');\n").expect("it is writable");
    for args in [&["check"][..], &["data", "-m", "x"], &["apply"], &["verify"], &[]] {
        fails_in_vain(&project, args, "0002_latin.sql:2:30");
    }
}

#[test]
#[cfg(unix)]
fn names_that_are_no_migrations_are_passed_over_and_never_overwritten() {
    use std::os::unix::fs::symlink;
    let project = pending();
    let folder = project.root().join("migrations");
    symlink("/etc/passwd", folder.join("0002_link.sql")).expect("a link");
    symlink("/nowhere/at/all", folder.join("0002_taken.sql")).expect("a link");
    fs::create_dir(folder.join("0002_folder.sql")).expect("a folder");
    fs::write(folder.join("README.md"), "DROP TABLE tags;").expect("a file");
    project.d1(["check"]).code(1).says("tags: 1 inserted");
    fails_in_vain(&project, &["data", "-m", "taken"], "exists already");
    fails_in_vain(&project, &["data", "-m", "folder"], "exists already");
    project.d1(["data", "-m", "free"]).success();
    project.d1(["verify"]).success();
    assert!(!PathBuf::from("/nowhere").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_name_that_is_not_utf_8_is_refused_if_it_is_a_migration_and_no_harm_otherwise() {
    use std::os::unix::ffi::OsStrExt;
    let project = pending();
    let folder = project.root().join("migrations");
    fs::write(folder.join(std::ffi::OsStr::from_bytes(b"\xff.txt")), "x").expect("a file");
    project.d1(["check"]).code(1).says("tags: 1 inserted");
    fs::write(folder.join(std::ffi::OsStr::from_bytes(b"0002_\xff.sql")), "x").expect("a file");
    for args in [&["check"][..], &["data", "-m", "x"], &["apply"], &[]] {
        fails_in_vain(&project, args, "is not UTF-8");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_current_folder_that_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let project = Scratch::seeded();
    let inside = project.root().join(std::ffi::OsStr::from_bytes(b"\xff"));
    fs::create_dir(&inside).expect("a folder");
    Run::of(command(&inside, ["check"])).fails("is not UTF-8");
}

#[test]
fn neither_a_home_nor_a_temporary_folder_is_needed_in_a_project() {
    let project = pending();
    let mut bare = command(&project.root(), ["data", "-m", "x"]);
    bare.env_clear().env("TMPDIR", "/nowhere/at/all");
    Run::of(bare).success();
    let (db, dir) = (project.local_file(), project.root().join("migrations"));
    let args = ["check", "--db", db.to_str().expect("UTF-8"), "--dir", dir.to_str().expect("UTF-8")];
    let mut bare = command(&project.root(), args);
    bare.env("TMPDIR", "/nowhere/at/all");
    if cfg!(unix) {
        Run::of(bare).fails("temporary folder");
    }
}

#[test]
#[cfg(unix)]
fn whoever_closes_the_pipe_does_not_want_the_rest() {
    let project = pending();
    for args in ["data -m x --dry-run", "log", "status --json", "path"] {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("\"$0\" d1-migrate {args} >&1 | true; \"$0\" d1-migrate {args} >&-")]);
        Run::of({
            shell.arg(tool()).current_dir(project.root());
            shell
        })
        .success();
    }
    let mut sink = command(&project.root(), ["data", "-m", "x", "--dry-run"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let status = sink.stdout(writer).status().expect("the tool runs");
    assert!(status.success(), "a closed pipe is no error: {status}");
}

#[test]
#[cfg(unix)]
fn a_disk_that_is_full_at_any_point_loses_nothing() {
    for blocks in [0, 1, 8, 40, 64, 100, 160, 400] {
        let project = pending();
        project.sql(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 400)
             INSERT INTO visits (path, detail) SELECT '/' || x, hex(zeroblob(100)) FROM n",
        );
        // No file may grow above this size: as a full disk, but it needs no root.
        let mut shell = Command::new("sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" d1-migrate data -m full");
        shell.args(["-c", &script]).arg(tool()).current_dir(project.root());
        let run = Run::of(shell);
        if run.code_is() != 0 {
            let run = run.fails("");
            for wrong in ["report it", "not an SQLite database", ".sql."] {
                assert!(!run.stderr.contains(wrong), "{wrong}: {}", run.stderr);
            }
        }
        project.d1([]).success();
        project.d1(["check"]).success();
        assert_eq!(project.migrations().len(), 2, "{:?}", project.migrations());
        project.assert_replay_agrees();
    }
}

#[test]
fn a_row_that_cannot_be_migrated_stops_the_first_run_before_anything_is_touched() {
    for (sql, says) in [
        ("CREATE TABLE a (b); INSERT INTO a VALUES (zeroblob(2000001))", "at most 2000000"),
        (
            "PRAGMA foreign_keys = OFF; CREATE TABLE a (id INTEGER PRIMARY KEY);
             CREATE TABLE b (a REFERENCES a (id)); INSERT INTO b VALUES (7)",
            "points to a row of table `a` that is not there",
        ),
    ] {
        let project = Scratch::with_schema(sql);
        fails_in_vain(&project, &["init"], says);
        fails_in_vain(&project, &[], says);
        assert_eq!(project.ask("SELECT count(*) FROM sqlite_schema WHERE name GLOB 'd1_migrate_*'"), "0");
    }
}

#[test]
fn a_reason_is_given_once_and_always_with_a_help() {
    let project = pending();
    let run = project.d1(["check", "-c", "nowhere.toml"]).fails("nowhere.toml");
    assert_eq!(run.stderr.matches("os error").count(), 1, "{}", run.stderr);
    project.d1(["data", "-m", "x", "--since", "the day before"]).fails("the day before");
}

#[test]
fn what_wrangler_would_cut_out_of_a_definition_is_refused_and_out_of_a_value_or_a_trigger_is_carried() {
    for definition in [
        "CREATE TABLE t (a DEFAULT 'BEGIN TRANSACTION; x; COMMIT;')",
        "CREATE TABLE t (a CHECK (a <> 'BEGIN TRANSACTION'))",
        "CREATE TABLE t (\"BEGIN TRANSACTION;\")",
        "CREATE TABLE t (a); CREATE VIEW v AS SELECT 'BEGIN TRANSACTION;' AS a",
    ] {
        let project = Scratch::with_schema(definition);
        let before = Before::of(&project);
        project.d1([]).fails("BEGIN TRANSACTION").stderr_has("small letters");
        before.is_still(&project);
    }
    let project = Scratch::with_schema(
        "CREATE TABLE t (a); CREATE TABLE log (a);
         CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('BEGIN TRANSACTION; ' || NEW.a || 'COMMIT;'); END;
         INSERT INTO t VALUES ('BEGIN TRANSACTION; BEGIN TRANSACTION;')",
    );
    project.d1([]).success();
    project.sql("INSERT INTO t VALUES ('BEGIN TRANSACTION; COMMIT;')");
    project.d1(["data", "-m", "more"]).success();
    for name in project.migrations() {
        assert!(!project.read(&name).contains("BEGIN TRANSACTION"), "{name}");
    }
    project.d1(["verify"]).success();
}
