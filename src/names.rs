//! One truth for every name that the tool gives to something of its own inside a database.

/// The table that says which rows changed, and what they were before.
pub const CHANGEFEED: &str = "d1_migrate_changefeed";

/// Prefix of the triggers that fill the changefeed.
pub const TRIGGER_PREFIX: &str = "d1_migrate_track_";

/// The shadow's own table of replayed files.
pub const SHADOW_FILES: &str = "d1_migrate_shadow_files";

/// The shadow's own table of facts: format, and up to where it was found equal to a database.
pub const SHADOW_FACTS: &str = "d1_migrate_shadow_facts";

/// The shadow's own table of rows that were left different.
pub const SHADOW_LEFT: &str = "d1_migrate_shadow_left";

/// The shadow's own table of cells that hang on the clock or on chance.
pub const SHADOW_UNKNOWN: &str = "d1_migrate_shadow_unknown";

/// A function of the shadow's connection: is this REAL the negative zero?
pub const NEGATIVE_ZERO: &str = "d1_migrate_negative_zero";

/// Is this a name that belongs to SQLite, to workerd or to this tool, and so never to the user's schema?
///
/// `sqlite_` is SQLite's, `_cf_` is workerd's (D1 refuses it to users).
pub fn is_internal(name: &str) -> bool {
    starts_with_ignore_case(name, "sqlite_")
        || starts_with_ignore_case(name, "_cf_")
        || [CHANGEFEED, SHADOW_FILES, SHADOW_FACTS, SHADOW_LEFT, SHADOW_UNKNOWN]
            .iter()
            .any(|own| own.eq_ignore_ascii_case(name))
        || starts_with_ignore_case(name, TRIGGER_PREFIX)
}

fn starts_with_ignore_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_names_are_told_from_the_users() {
        for internal in [
            "sqlite_sequence",
            "SQLITE_stat1",
            "_cf_KV",
            "d1_migrate_changefeed",
            "d1_migrate_track_insert:posts",
        ] {
            assert!(is_internal(internal), "{internal}");
        }
        for users in ["changefeed", "d1_migrations", "d1_migrate_", "sqlite", "é"] {
            assert!(!is_internal(users), "{users}");
        }
    }
}
