//! The name and the neighbours of the local sqlite file. Miniflare derives the name from the database's id.

use camino::{Utf8Path, Utf8PathBuf};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The Durable Object class that holds D1 in miniflare: the key of the hash, and the folder's name.
const CLASS: &str = "miniflare-D1DatabaseObject";

/// How much of each HMAC miniflare keeps, in bytes.
const HALF: usize = 16;

/// Where wrangler keeps its state, from the project's folder.
const STATE: &str = ".wrangler/state";

/// The file in the same folder that miniflare keeps for itself.
const MINIFLARES_OWN: &str = "metadata.sqlite";

/// The file name of the local database whose id is `id`: 64 hexadecimal digits and `.sqlite`.
///
/// With `key = SHA256(class name)` and `a = HMAC-SHA256(key, id)[..16]`, the digits are those of
/// `a` followed by `HMAC-SHA256(key, a)[..16]`. Checked against the files that wrangler 4.164.0 makes.
pub fn local_file_name(id: &str) -> String {
    let key = Sha256::digest(CLASS.as_bytes());
    let first = half_hmac(&key, id.as_bytes());
    let second = half_hmac(&key, &first);
    let digits: String = (first.iter().chain(&second)).map(|byte| format!("{byte:02x}")).collect();
    format!("{digits}.sqlite")
}

fn half_hmac(key: &[u8], message: &[u8]) -> [u8; HALF] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    let full = mac.finalize().into_bytes();
    let mut half = [0; HALF];
    half.copy_from_slice(&full[..HALF]);
    half
}

/// The folder of the local databases. `persist_to` is absolute; without it the state lies in the project.
pub(super) fn folder(root: &Utf8Path, persist_to: Option<&Utf8Path>) -> Utf8PathBuf {
    let state = persist_to.map_or_else(|| root.join(STATE), Utf8Path::to_path_buf);
    state.join("v3").join("d1").join(CLASS)
}

/// The other sqlite files that lie beside `local_file`, in the order of their names.
///
/// Never miniflare's own `metadata.sqlite`. A folder that is missing or cannot be read has none. Only the names
/// are looked at: whether such a file holds a database is for the caller to find out.
pub fn neighbours(local_file: &Utf8Path) -> Vec<Utf8PathBuf> {
    let Some(Ok(entries)) = local_file.parent().map(Utf8Path::read_dir_utf8) else {
        return Vec::new();
    };
    let mut others: Vec<Utf8PathBuf> = entries
        .flatten()
        .map(camino::Utf8DirEntry::into_path)
        .filter(|path| path.extension() == Some("sqlite"))
        .filter(|path| path.file_name() != Some(MINIFLARES_OWN))
        .filter(|path| path.file_name() != local_file.file_name())
        .filter(|path| path.is_file())
        .collect();
    others.sort();
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids and the names that wrangler 4.164.0 gave to their files.
    const MADE_BY_WRANGLER: [(&str, &str); 7] = [
        ("DB", "e7352547963de7050bd7d94658afc4fe78b61811b7815da12d90be8e863abf4d"),
        (
            "6f1c2b1e-8a61-4a1c-9c0e-1f2e3d4c5b6a",
            "8267200153118954ec15b45b8d4a8bd29f5a3c080ed71257fc587b360736ec1e",
        ),
        ("preview-id", "c9bc815474b3fbc0cf98febf54b6b49db8c8051a0e0b9b13a9d11084348d39b1"),
        ("", "d7e7dad26bda2eb41e10f2b5b0776873c53023ab37e537e0aca2622a0a57c851"),
        ("main-id", "ff225b9efbd44ea1f280faae24c1607f0c73926ac78203cfefa64381a96872e4"),
        ("staging-id", "0038dccbd14799847d5a726b377123577d7dce59ec786cdd6944fe092382e62f"),
        ("café ☕", "7772881b143bfcc6a5ba908d880a1db02b1451cc9425848d2830a3f2ae78a0a4"),
    ];

    #[test]
    fn names_are_those_that_wrangler_makes() {
        for (id, digits) in MADE_BY_WRANGLER {
            assert_eq!(local_file_name(id), format!("{digits}.sqlite"), "id {id}");
        }
    }

    #[test]
    fn persist_to_replaces_the_state_folder_and_keeps_what_is_below() {
        let root = Utf8Path::new("/p");
        assert_eq!(folder(root, None), "/p/.wrangler/state/v3/d1/miniflare-D1DatabaseObject");
        assert_eq!(folder(root, Some(Utf8Path::new("/else"))), "/else/v3/d1/miniflare-D1DatabaseObject");
    }

    #[test]
    fn neighbours_are_the_other_sqlite_files_without_miniflares_own() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(scratch.path()).unwrap();
        for name in ["own.sqlite", "own.sqlite-wal", "b.sqlite", "a.sqlite", "metadata.sqlite", "note.txt"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        std::fs::create_dir(folder.join("folder.sqlite")).unwrap();
        assert_eq!(
            neighbours(&folder.join("own.sqlite")),
            [folder.join("a.sqlite"), folder.join("b.sqlite")]
        );
    }

    #[test]
    fn a_missing_folder_has_no_neighbours() {
        assert!(neighbours(Utf8Path::new("/no/such/folder/x.sqlite")).is_empty());
    }
}
