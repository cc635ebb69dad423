//! What D1 allows in one statement, set on a connection.

use rusqlite::Connection;
use rusqlite::limits::Limit;

/// workerd's limits (measured with wrangler 4.164.0, workerd 1.20261117.1) and the stricter documented ones of the real D1.
const D1: [(Limit, i32); 8] = [
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 100),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 5),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 127),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 10),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
];

/// Runs `work` under D1's limits and takes them off again. (A database that is already attached stays attached.)
pub fn under_d1_limits<T>(conn: &Connection, work: impl FnOnce() -> T) -> rusqlite::Result<T> {
    let before: Vec<i32> =
        D1.iter().map(|&(limit, value)| conn.set_limit(limit, value)).collect::<rusqlite::Result<_>>()?;
    let result = work();
    for (&(limit, _), value) in D1.iter().zip(before) {
        conn.set_limit(limit, value)?;
    }
    Ok(result)
}
