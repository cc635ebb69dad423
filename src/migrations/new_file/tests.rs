//! Tests of writing migrations, on real files.

use super::*;
use crate::migrations::Folder;

struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Scratch {
        Scratch { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Utf8Path {
        Utf8Path::from_path(self.dir.path()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = self.path().read_dir_utf8().unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().to_owned()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_file_is_hidden_until_it_is_published_whole() {
    let scratch = Scratch::new();
    let mut file = NewFile::create(scratch.path(), "0001_a.sql").unwrap();
    file.write_text("SELECT 1;\n").unwrap();
    file.write_all(b"SELECT 2;\n").unwrap();
    file.flush().unwrap();
    assert_eq!(fs::read(file.text.get_ref().path()).unwrap(), b"SELECT 1;\nSELECT 2;\n");
    assert_eq!(file.path, scratch.path().join("0001_a.sql"));
    let [temporary] = &scratch.names()[..] else { panic!() };
    assert!(is_temporary_name(temporary), "{temporary}");
    let folder = Folder::read(scratch.path(), None, scratch.path()).unwrap();
    assert!(folder.migrations.is_empty());

    let path = file.publish().unwrap();
    assert_eq!(path, scratch.path().join("0001_a.sql"));
    assert_eq!(scratch.names(), ["0001_a.sql"]);
    assert_eq!(fs::read(path).unwrap(), b"SELECT 1;\nSELECT 2;\n");
}

#[test]
fn a_dropped_file_leaves_nothing() {
    let scratch = Scratch::new();
    let mut file = NewFile::create(&scratch.path().join("db/migrations"), "0001_a.sql").unwrap();
    file.write_text("SELECT 1;\n").unwrap();
    assert_eq!(scratch.names(), ["db"]);
    drop(file);
    assert!(scratch.names().is_empty());
}

#[test]
fn a_folder_that_is_missing_is_created_and_kept() {
    let scratch = Scratch::new();
    let folder = scratch.path().join("db/migrations");
    let first = NewFile::create(&folder, "0001_a.sql").unwrap();
    let second = NewFile::create(&folder, "0002_b.sql").unwrap();
    second.publish().unwrap();
    drop(first);
    assert!(folder.join("0002_b.sql").exists());
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let scratch = Scratch::new();
    let late = NewFile::create(scratch.path(), "0001_a.sql").unwrap();
    let path = scratch.path().join("0001_a.sql");
    fs::write(&path, "mine").unwrap();
    let errors = [late.publish().unwrap_err(), NewFile::create(scratch.path(), "0001_a.sql").unwrap_err()];
    for error in errors {
        let expected = format!("{path}: the migration exists already");
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(fs::read(path).unwrap(), b"mine");
    assert_eq!(scratch.names(), ["0001_a.sql"]);
}

#[test]
fn a_folder_that_cannot_be_created_is_an_error_with_its_path() {
    let scratch = Scratch::new();
    fs::write(scratch.path().join("db"), "").unwrap();
    let folder = scratch.path().join("db/migrations");
    let error = NewFile::create(&folder, "0001_a.sql").unwrap_err();
    assert!(matches!(error, Error::CreateFolder { .. }));
    let lead = format!("{folder}: cannot create the migrations folder: ");
    assert!(error.to_string().starts_with(&lead));
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_an_error_with_the_path_of_the_file() {
    let error = NewFile::create(Utf8Path::new("/proc/self"), "0001_a.sql").unwrap_err();
    assert!(matches!(error, Error::Write { .. }));
    let lead = "/proc/self/0001_a.sql: cannot write the migration: ";
    assert!(error.to_string().starts_with(lead));
    assert!(!error.to_string().contains(".tmp"), "{error}");
}

#[test]
fn a_file_whose_folder_went_away_is_an_error() {
    let scratch = Scratch::new();
    let folder = scratch.path().join("migrations");
    fs::create_dir(&folder).unwrap();
    let mut file = NewFile::create(&folder, "0001_a.sql").unwrap();
    file.write_text("SELECT 1;\n").unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert!(matches!(file.publish(), Err(Error::Write { .. })));
}

#[cfg(unix)]
#[test]
fn a_migration_is_readable_as_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let plain = scratch.path().join("plain.txt");
    fs::write(&plain, "").unwrap();
    let file = NewFile::create(scratch.path(), "0001_a.sql").unwrap();
    let path = file.publish().unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(path), mode(plain));
}

#[test]
fn the_longest_name_fits_a_file_system() {
    let scratch = Scratch::new();
    let name = crate::migrations::file_name(u64::MAX, &"x".repeat(500)).unwrap();
    NewFile::create(scratch.path(), &name).unwrap().publish().unwrap();
    assert_eq!(scratch.names(), [name]);
}

#[test]
fn only_our_own_old_temporary_files_are_swept() {
    let scratch = Scratch::new();
    let old = SystemTime::now() - STALE_AFTER - Duration::from_secs(1);
    let put = |name: &str, age: SystemTime| {
        let file = fs::File::create(scratch.path().join(name)).unwrap();
        file.set_modified(age).unwrap();
    };
    put(".0001_a.sql.4242.Ab3xYz.tmp", old);
    put(".0002_b.sql.4242.Ab3xYz.tmp", SystemTime::now());
    put(".x.sql.4242.Ab3xYz.tmp", old);
    put(".0001_a.txt.4242.Ab3xYz.tmp", old);
    put(".0001_a.sql.pid.Ab3xYz.tmp", old);
    put("0001_a.sql", old);
    let removed = sweep(scratch.path());
    assert_eq!(removed, [scratch.path().join(".0001_a.sql.4242.Ab3xYz.tmp")]);
    assert_eq!(scratch.names().len(), 5);
    assert!(sweep(&scratch.path().join("missing")).is_empty());
}
