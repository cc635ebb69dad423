//! Tests of the folder against real files.

use super::*;

/// A scratch project with a migrations folder that is not there yet.
struct Project {
    root: tempfile::TempDir,
}

impl Project {
    fn with(files: &[&str]) -> Project {
        let project = Project { root: tempfile::tempdir().unwrap() };
        for file in files {
            project.put(file, b"SELECT 1;\n");
        }
        project
    }

    fn root(&self) -> &Utf8Path {
        Utf8Path::from_path(self.root.path()).unwrap()
    }

    fn dir(&self) -> Utf8PathBuf {
        self.root().join("migrations")
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.dir().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn read(&self) -> Result<Folder, Error> {
        Folder::read(&self.dir(), None, self.root())
    }

    fn read_pattern(&self, pattern: &str) -> Result<Folder, Error> {
        Folder::read(&self.dir(), Some(pattern), self.root())
    }
}

fn names(folder: &Folder) -> Vec<&str> {
    folder.migrations.iter().map(|one| &*one.name).collect()
}

#[test]
fn a_missing_folder_is_empty_and_starts_at_one() {
    let folder = Project::with(&[]).read().unwrap();
    assert!(folder.migrations.is_empty());
    assert_eq!(folder.next_number().unwrap(), 1);
}

#[test]
fn only_sql_files_directly_in_the_folder_are_migrations() {
    let project = Project::with(&[
        "0002_b.sql",
        "0001_a.sql",
        "0010_c.SQL",
        ".0003_hidden.sql",
        "note.txt",
        "x.sql.bak",
        "0012_folder.sql/0013_x.sql",
        "sub/0014_y.sql",
    ]);
    let folder = project.read().unwrap();
    assert_eq!(names(&folder), ["0001_a.sql", "0002_b.sql"]);
    assert_eq!(folder.next_number().unwrap(), 3);
    let first = folder.get("0001_a.sql").unwrap();
    assert_eq!((first.number, first.len), (Some(1), 10));
    assert_eq!(first.path, project.dir().join("0001_a.sql"));
    assert!(folder.get("sub/0014_y.sql").is_none());
}

#[cfg(unix)]
#[test]
fn symbolic_links_are_passed_over_as_wrangler_does() {
    let project = Project::with(&["0001_a.sql"]);
    let outside = project.root().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("0005_x.sql"), "SELECT 1;").unwrap();
    let link = |to: &Utf8Path, name| std::os::unix::fs::symlink(to, project.dir().join(name));
    link(&outside.join("0005_x.sql"), "0002_link.sql").unwrap();
    link(&outside, "0100_folder").unwrap();
    let folder = project.read_pattern("migrations/**/*.sql").unwrap();
    assert_eq!(names(&folder), ["0001_a.sql"]);
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_a_symbolic_link_is_read() {
    let project = Project::with(&[]);
    fs::create_dir(project.root().join("real")).unwrap();
    fs::write(project.root().join("real/0001_a.sql"), "").unwrap();
    std::os::unix::fs::symlink(project.root().join("real"), project.dir()).unwrap();
    assert_eq!(names(&project.read().unwrap()), ["0001_a.sql"]);
}

#[test]
fn a_pattern_reaches_subfolders_and_names_are_relative_to_the_folder() {
    let files = ["0010_b/migration.sql", "2_c/migration.sql", "2_c/x.sql", "0003_top.sql"];
    let project = Project::with(&files);
    let folder = project.read_pattern("./migrations//*/migration.sql").unwrap();
    assert_eq!(names(&folder), ["2_c/migration.sql", "0010_b/migration.sql"]);
    assert_eq!(folder.next_number().unwrap(), 11);
    let error = folder.accepts("0011_x.sql").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the migrations_pattern `./migrations//*/migration.sql` does not match the new migration `0011_x.sql`"
    );
    let folder = project.read_pattern("migrations\\**\\*.sql").unwrap();
    assert_eq!(folder.migrations.len(), 4);
    folder.accepts("0011_x.sql").unwrap();
}

#[test]
fn a_pattern_may_lead_out_of_the_project_as_its_folder_does() {
    let project = Project::with(&["0001_a.sql"]);
    let root = project.root().join("apps/[web]");
    let read = |dir: &str, pattern| Folder::read(&root.join(dir), Some(pattern), &root);
    let folder = read("../../migrations", "../../migrations/*.sql").unwrap();
    assert_eq!(names(&folder), ["0001_a.sql"]);
    let error = read("../../migrations", "migrations/*.sql").unwrap_err();
    assert!(matches!(error, Error::PatternOutside { .. }));
    let error = read("../../migrations", "../../migrations_old/*.sql").unwrap_err();
    assert!(matches!(error, Error::PatternOutside { .. }));
}

#[test]
fn the_current_folder_can_be_read_by_its_relative_path() {
    for path in ["", ".", "./src/.."] {
        let folder = Folder::read(path.into(), None, Utf8Path::new("")).unwrap();
        assert_eq!(folder.path, ".");
        assert!(folder.migrations.is_empty());
    }
}

#[test]
fn the_project_folder_itself_may_be_the_migrations_folder() {
    let project = Project::with(&["0001_a.sql"]);
    let dir = project.dir();
    let folder = Folder::read(&dir.join("."), Some("./*.sql"), &dir).unwrap();
    assert_eq!(names(&folder), ["0001_a.sql"]);
}

#[test]
fn a_pattern_that_cannot_be_matched_here_is_an_error() {
    let error = Project::with(&[]).read_pattern("migrations/{1..3}.sql").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the migrations_pattern `migrations/{1..3}.sql` cannot be used: \
         ranges such as `{1..3}` are not supported here"
    );
}

#[test]
fn the_next_number_follows_the_highest_whatever_the_padding() {
    for (files, next) in [
        (&["-5_x.sql", "seed.sql"][..], 1),
        (&["0000_x.sql"], 1),
        (&["0002_x.sql", "10_y.sql", "9_z.sql", "seed.sql"], 11),
        (&["9999_x.sql"], 10_000),
        (&["20241122120000123_x.sql"], 20_241_122_120_000_124),
    ] {
        assert_eq!(Project::with(files).read().unwrap().next_number().unwrap(), next);
    }
}

#[test]
fn a_number_that_wrangler_cannot_count_on_from_is_an_error() {
    // The second is not exact in wrangler: 9999999999999999 and 10000000000000000 are one number
    // there, and the text decides.
    for file in ["99999999999999999999_x.sql", "9999999999999999_x.sql"] {
        let error = Project::with(&[file]).read().unwrap().next_number().unwrap_err();
        let expected = format!("no number can follow that of the migration `{file}`");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn duplicate_numbers_are_found_but_not_within_one_subfolder() {
    let project =
        Project::with(&["0001_a.sql", "1_b.sql", "0002/a.sql", "0002/b.sql", "0003_c.sql", "a.sql", "b.sql"]);
    let folder = project.read_pattern("migrations/**/*.sql").unwrap();
    let duplicates = folder.duplicate_numbers();
    assert_eq!(duplicates.len(), 1);
    let (number, files) = &duplicates[0];
    let files: Vec<&str> = files.iter().map(|one| &*one.name).collect();
    assert_eq!((*number, files), (1, vec!["0001_a.sql", "1_b.sql"]));
}

#[test]
fn migrations_without_a_number_sort_after_every_new_one() {
    let folder = Project::with(&["0001_a.sql", "seed.sql"]).read().unwrap();
    let after = folder.sorted_after("0002_new.sql");
    assert_eq!(after, [folder.get("seed.sql").unwrap()]);
}

#[test]
fn a_byte_order_mark_is_not_text_but_counts_in_the_digest() {
    let project = Project::with(&[]);
    project.put("0001_a.sql", b"\xef\xbb\xbfSELECT 1;");
    project.put("0002_b.sql", b"SELECT 1;");
    let folder = project.read().unwrap();
    let [a, b] = &folder.migrations[..] else { panic!() };
    assert_eq!(a.read_text().unwrap(), b.read_text().unwrap());
    assert_ne!(a.digest().unwrap(), b.digest().unwrap());
}

#[test]
fn the_digest_is_the_sha256_of_the_bytes() {
    let project = Project::with(&[]);
    project.put("0001_a.sql", b"abc");
    let digest = project.read().unwrap().migrations[0].digest().unwrap();
    assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
}

#[test]
fn text_that_is_not_utf8_is_an_error_with_its_place() {
    let project = Project::with(&[]);
    project.put("0001_a.sql", b"SELECT 1;\n-- \xc3\xa9t\xe9\n");
    let folder = project.read().unwrap();
    let error = folder.migrations[0].read_text().unwrap_err().to_string();
    let path = project.dir().join("0001_a.sql");
    assert_eq!(error, format!("{path}:2:6: the migration is not UTF-8 text"));
}

#[test]
fn a_file_that_went_away_is_an_error_with_its_path() {
    let project = Project::with(&["0001_a.sql"]);
    let folder = project.read().unwrap();
    fs::remove_file(project.dir().join("0001_a.sql")).unwrap();
    assert!(matches!(folder.migrations[0].read_text(), Err(Error::ReadFile { .. })));
    let error = folder.migrations[0].digest().unwrap_err().to_string();
    let path = project.dir().join("0001_a.sql");
    assert!(error.starts_with(&format!("{path}: cannot read the migration: ")));
}

#[test]
fn a_file_in_the_place_of_the_folder_is_an_error() {
    let project = Project::with(&[]);
    fs::write(project.dir(), "").unwrap();
    assert!(matches!(project.read(), Err(Error::NotAFolder { .. })));
    let below = Folder::read(&project.dir().join("sub"), None, project.root());
    assert!(matches!(below, Err(Error::ReadFolder { .. })));
}

// macOS refuses such names on disk.
#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_matter_only_when_they_are_migrations() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let project = Project::with(&["0001_a.sql"]);
    let put = |name: &[u8]| {
        fs::write(project.dir().as_std_path().join(OsStr::from_bytes(name)), "").unwrap();
    };
    put(b"note\xff.txt");
    assert_eq!(names(&project.read().unwrap()), ["0001_a.sql"]);
    put(b"0002_bad\xff.sql");
    let error = project.read().unwrap_err().to_string();
    let expected =
        format!("{}: the name of the migration `0002_bad\u{fffd}.sql` is not UTF-8", project.dir());
    assert_eq!(error, expected);
}
