//! The user's triggers that must not fire while row images are replayed: they already had their effect.

use rusqlite::Connection;

use crate::difference::{Rows, TableDifference, any_update_touches, is_search_index, reached};
use crate::schema::{Object, Schema, Table, unquoted};
use crate::sql_text::{Event, Timing, Token, firing, tokens};

/// The triggers that statements for these differences would fire, actions of foreign keys included, but for those that keep search
/// indexes, and these tables (`kept`).
pub(super) fn concerned<'s>(
    conn: &Connection,
    schema: &'s Schema,
    differences: &[TableDifference],
    kept: &[&Table],
) -> rusqlite::Result<Vec<&'s Object>> {
    let reached = reached(conn, schema, differences)?;
    let fires = |object: &Object| -> rusqlite::Result<bool> {
        if keeps_only(schema, object, kept) {
            return Ok(false);
        }
        let Some(firing) = firing(&object.sql) else {
            return Ok(true);
        };
        if firing.timing == Timing::InsteadOf {
            return Ok(false);
        }
        let is_reached = reached.iter().any(|table| table.eq_ignore_ascii_case(&object.table));
        let difference =
            differences.iter().find(|other| other.table.name.eq_ignore_ascii_case(&object.table));
        let counts = difference.map(|difference| difference.counts).unwrap_or_default();
        Ok(match firing.event {
            Event::Insert => counts.inserted > 0 || is_reached,
            // A row may step aside or be made loose by UPDATEs before it changes or goes.
            Event::Update if counts.deleted > 0 || is_reached => true,
            Event::Update => counts.updated > 0 && sets_a_column(conn, object, difference)?,
            Event::Delete => counts.deleted > 0 || is_reached,
        })
    };
    let tables = schema.tables.iter().filter(|table| {
        let is_it = |name: &String| name.eq_ignore_ascii_case(&table.name);
        differences.iter().any(|difference| is_it(&difference.table.name)) || reached.iter().any(is_it)
    });
    let mut concerned = Vec::new();
    for trigger in tables.flat_map(|table| schema.triggers_on(&table.name)) {
        if fires(trigger)? {
            concerned.push(trigger);
        }
    }
    Ok(concerned)
}

/// Does a row that changes change a column that the trigger waits for (`UPDATE OF`)? Columns that point to other tables
/// may be set for a moment, and so may all columns of a row that steps aside.
fn sets_a_column(
    conn: &Connection,
    trigger: &Object,
    difference: Option<&TableDifference>,
) -> rusqlite::Result<bool> {
    let columns = awaited_columns(&trigger.sql);
    let Some((difference, Rows::Listed(diff))) = difference.map(|difference| (difference, &difference.rows))
    else {
        return Ok(true);
    };
    let table = &difference.table;
    let positions: Option<Vec<usize>> = columns.iter().map(|column| table.column(column)).collect();
    let points = |position: &usize| {
        let keys = table.foreign_keys.iter().flat_map(|key| &key.columns);
        keys.into_iter().any(|(own, _)| table.column(own) == Some(*position))
    };
    match positions {
        Some(positions) if !positions.is_empty() && !positions.iter().any(points) => {
            any_update_touches(conn, table, diff, &positions)
        }
        _ => Ok(true),
    }
}

/// The columns of `UPDATE OF a, b ON`; none where the trigger waits for any.
fn awaited_columns(sql: &str) -> Vec<String> {
    let words: Vec<Token> = tokens(sql).filter(Token::is_significant).collect();
    let of = words.windows(2).position(|two| two[0].is_word("UPDATE") && two[1].is_word("OF"));
    let after = of.map_or(&[][..], |of| &words[of + 2..]);
    let names = after.iter().take_while(|word| !word.is_word("ON")).filter(|word| word.text != ",");
    names.map(|name| unquoted(name.text)).collect()
}

/// Does the trigger do nothing but keep search indexes? Such a trigger must fire: the index follows the rows, and can be
/// filled in no other way where it keeps no text.
pub(super) fn feeds_search(schema: &Schema, trigger: &Object) -> bool {
    keeps_only(schema, trigger, &[])
}

/// The same of a trigger that writes to these tables, too. Of two that share the work (BEFORE takes the old words out, AFTER puts the new
/// ones in) none may fire alone.
fn keeps_only(schema: &Schema, trigger: &Object, kept: &[&Table]) -> bool {
    let is_kept = |name: &String| {
        schema.table(name).is_some_and(is_search_index)
            || kept.iter().any(|table| table.name.eq_ignore_ascii_case(name))
    };
    let event = |trigger: &Object| firing(&trigger.sql).map(|firing| firing.event);
    let own = targets(&trigger.sql);
    let shares_the_work = |other: &&Object| {
        event(other) == event(trigger)
            && targets(&other.sql).iter().any(|name| own.iter().any(|own| own.eq_ignore_ascii_case(name)))
    };
    let mut at_work = schema.triggers_on(&trigger.table).filter(shares_the_work);
    !own.is_empty() && at_work.all(|trigger| targets(&trigger.sql).iter().all(is_kept))
}

/// The search indexes that triggers on the changed tables keep.
pub(super) fn fed_indexes<'s>(
    schema: &'s Schema,
    differences: &'s [TableDifference],
) -> impl Iterator<Item = String> + 's {
    let triggers = differences.iter().flat_map(|difference| schema.triggers_on(&difference.table.name));
    let targets = triggers.flat_map(|trigger| targets(&trigger.sql));
    targets.filter_map(|name| {
        schema.table(&name).filter(|table| is_search_index(table)).map(|table| table.name.clone())
    })
}

/// The tables that the statements of a trigger's body write to. RAISE counts as a target without a name.
pub(super) fn targets(sql: &str) -> Vec<String> {
    let words: Vec<Token> = tokens(sql).filter(Token::is_significant).collect();
    let body = words.iter().position(|word| word.is_word("BEGIN")).unwrap_or(words.len());
    let mut targets = Vec::new();
    for at in body..words.len() {
        let before = |word: &str| at > 0 && words[at - 1].is_word(word);
        let target = match words[at] {
            word if word.is_word("INTO") => words.get(at + 1),
            word if word.is_word("FROM") && before("DELETE") => words.get(at + 1),
            word if word.is_word("UPDATE") && !before("DO") => match words.get(at + 1) {
                Some(or) if or.is_word("OR") => words.get(at + 3),
                target => target,
            },
            word if word.is_word("RAISE") => Some(&words[at]),
            _ => None,
        };
        targets.extend(target.map(|name| unquoted(name.text)));
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_that_a_trigger_waits_for_are_found() {
        let of = |event: &str| {
            awaited_columns(&format!("CREATE TRIGGER t AFTER {event} ON p BEGIN SELECT 1; END"))
        };
        assert_eq!(of("UPDATE OF a, \"b c\""), ["a", "b c"]);
        assert!(of("UPDATE").is_empty());
        assert!(of("DELETE").is_empty());
    }

    #[test]
    fn the_tables_that_a_trigger_writes_to_are_found() {
        let body = |body: &str| targets(&format!("CREATE TRIGGER t AFTER UPDATE ON p BEGIN {body} END"));
        assert_eq!(body("INSERT OR IGNORE INTO a VALUES (1); DELETE FROM \"b c\" WHERE 1;"), ["a", "b c"]);
        assert_eq!(body("UPDATE OR REPLACE [d] SET x = 1; REPLACE INTO `e` SELECT * FROM f;"), ["d", "e"]);
        assert_eq!(body("INSERT INTO a VALUES (1) ON CONFLICT DO UPDATE SET x = 2;"), ["a"]);
        assert_eq!(body("SELECT RAISE(ABORT, 'no');"), ["RAISE"]);
        assert!(body("SELECT 'INTO x';").is_empty());
    }
}
