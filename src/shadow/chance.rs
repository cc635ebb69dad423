//! A fixed clock and fixed random numbers for the shadow: what a migration makes of them on the real D1 is not what it
//! made of them here, so the shadow must be able to tell which values hang on them.
//!
//! The clock is a VFS that differs from SQLite's default one only in the time it tells; `random()` and `randomblob()`
//! are replaced by functions of the connection.

use std::ffi::{CStr, c_int};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ffi};

/// One of two worlds that differ in everything a clock or a die can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// The shadow's own.
    First,
    /// The one that it is compared with.
    Second,
}

/// Did anything ask for the time or for a random number since [`take_used`]?
static USED: AtomicBool = AtomicBool::new(false);

/// Where the current file's random numbers begin, and how many were drawn.
static SEED: AtomicU64 = AtomicU64::new(0);
static DRAWN: AtomicU64 = AtomicU64::new(0);

/// How long the current file runs after the first one.
static SECONDS: AtomicI64 = AtomicI64::new(0);

impl World {
    /// The name of the VFS whose clock stands still at this world's moment.
    pub fn vfs(self) -> &'static str {
        static REGISTERED: OnceLock<()> = OnceLock::new();
        REGISTERED.get_or_init(|| {
            register(c"d1-migrate-first", first_moment);
            register(c"d1-migrate-second", second_moment);
        });
        match self {
            Self::First => "d1-migrate-first",
            Self::Second => "d1-migrate-second",
        }
    }

    /// Begins one file, of which there are `before` others: its random numbers do not hang on these, but are others than those
    /// of a copy under another name, and it runs a second after the one before it.
    pub fn begin_file(self, before: usize, name: &str, digest: &str) {
        let bytes = name.bytes().chain(digest.bytes());
        let seed = bytes.fold(self as u64, |seed, byte| mix(seed ^ u64::from(byte)));
        SEED.store(seed, Relaxed);
        DRAWN.store(0, Relaxed);
        SECONDS.store(before as i64, Relaxed);
    }
}

/// Was chance used since the last call?
pub fn take_used() -> bool {
    USED.swap(false, Relaxed)
}

/// Replaces SQLite's random functions on this connection.
pub fn fix_random(conn: &Connection) -> rusqlite::Result<()> {
    // DETERMINISTIC is not claimed: SQLite must call it for every row.
    conn.create_scalar_function("random", 0, FunctionFlags::SQLITE_UTF8, |_| Ok(draw() as i64))?;
    conn.create_scalar_function("randomblob", 1, FunctionFlags::SQLITE_UTF8, |context| {
        let length = usize::try_from(context.get::<i64>(0)?.max(1)).unwrap_or(usize::MAX);
        if length > LONGEST_BLOB {
            return Err(rusqlite::Error::UserFunctionError("string or blob too big".into()));
        }
        let blob: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| draw().to_le_bytes()).take(length).collect();
        Ok(blob)
    })
}

/// SQLite's own limit on a value.
const LONGEST_BLOB: usize = 1_000_000_000;

fn draw() -> u64 {
    USED.store(true, Relaxed);
    mix(SEED.load(Relaxed).wrapping_add(DRAWN.fetch_add(1, Relaxed)))
}

/// A step of splitmix64, whose constants these are (<https://prng.di.unimi.it/splitmix64.c>, public domain).
fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

type Clock = unsafe extern "C" fn(*mut ffi::sqlite3_vfs, *mut ffi::sqlite3_int64) -> c_int;

/// Milliseconds of the julian day of 1970-01-01T00:00:00Z.
const UNIX_EPOCH: i64 = 210_866_760_000_000;

/// 2021-01-01T01:01:01.111Z: no part of it is the same in the second moment. What hangs on a date of today comes out otherwise in
/// one of them; a CHECK that takes only years from 2022 on, or before 2032, refuses one.
unsafe extern "C" fn first_moment(_: *mut ffi::sqlite3_vfs, now: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite passes a valid pointer for the answer.
    unsafe { tell(now, 1_609_462_861_111) }
}

/// 2032-12-22T22:22:22.222Z.
unsafe extern "C" fn second_moment(_: *mut ffi::sqlite3_vfs, now: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite passes a valid pointer for the answer.
    unsafe { tell(now, 1_987_280_542_222) }
}

unsafe fn tell(now: *mut ffi::sqlite3_int64, unix_milliseconds: i64) -> c_int {
    USED.store(true, Relaxed);
    // SAFETY: the callers pass on SQLite's pointer.
    unsafe { *now = UNIX_EPOCH + unix_milliseconds + SECONDS.load(Relaxed) * 1000 };
    ffi::SQLITE_OK
}

/// Registers a copy of the default VFS with another clock. The copy and its name live as long as the process, as SQLite asks.
fn register(name: &'static CStr, clock: Clock) {
    // SAFETY: the default VFS exists once SQLite is initialised, which `sqlite3_vfs_find` does; it is copied whole, so
    // its file methods find the application data and the file size they expect.
    unsafe {
        let default = ffi::sqlite3_vfs_find(std::ptr::null());
        assert!(!default.is_null(), "SQLite has a default VFS on every platform it is built for");
        let mut copy = *default;
        copy.zName = name.as_ptr();
        copy.pNext = std::ptr::null_mut();
        copy.xCurrentTimeInt64 = Some(clock);
        let result = ffi::sqlite3_vfs_register(Box::leak(Box::new(copy)), 0);
        assert_eq!(result, ffi::SQLITE_OK, "a VFS can always be registered");
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::OpenFlags;

    use super::*;

    fn ask(world: World, sql: &str) -> String {
        let conn =
            Connection::open_with_flags_and_vfs(":memory:", OpenFlags::default(), world.vfs()).unwrap();
        fix_random(&conn).unwrap();
        world.begin_file(0, "name", "digest");
        conn.query_row(sql, (), |row| row.get(0)).unwrap()
    }

    #[test]
    fn time_and_chance_are_fixed_in_a_world_and_differ_between_worlds() {
        for sql in [
            "SELECT CURRENT_TIMESTAMP",
            "SELECT date()",
            "SELECT time('now')",
            "SELECT CAST(unixepoch() AS TEXT)",
            "SELECT strftime('%Y %m %d %H %M %S %f %j %w','now')",
            "SELECT hex(randomblob(8))",
            "SELECT CAST(random() AS TEXT)",
        ] {
            assert_eq!(ask(World::First, sql), ask(World::First, sql), "{sql}");
            assert_ne!(ask(World::First, sql), ask(World::Second, sql), "{sql}");
        }
        assert_eq!(ask(World::First, "SELECT datetime()"), "2021-01-01 01:01:01");
    }
}
