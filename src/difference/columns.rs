//! SQL about the columns of one table, as the comparison needs it. Pure.

use super::LIVE;
use crate::changefeed::sql_literal;
use crate::names::NEGATIVE_ZERO;
use crate::schema::{Affinity, Column, ForeignKey, Identity, Table, Term};
use crate::sql_text::quote_identifier;

/// The SQL names of what a row of one table consists of.
#[derive(Debug, Clone)]
pub struct RowShape {
    /// The table, quoted.
    pub table: String,
    /// Names that together identify a row, quoted: the rowid, or the key columns. Empty where rows have no name.
    pub identity: Vec<String>,
    /// Stored columns, quoted, the identity's own included where it is a column.
    pub stored: Vec<String>,
    /// The name, not quoted, of everything that is written for a row: the hidden rowid, then the stored columns.
    pub written: Vec<String>,
    /// Is the rowid something that no column shows, so that it must be written beside the columns?
    pub hidden_rowid: bool,
    /// Is the identity the rowid, under whatever name?
    pub names_by_rowid: bool,
}

impl RowShape {
    /// The shape of a table's rows.
    pub fn of(table: &Table) -> Self {
        let quoted = |position: usize| quote_identifier(&table.columns[position].name);
        let (identity, hidden_rowid) = match table.identity() {
            Identity::Rowid(name) => match table.rowid_alias {
                Some(alias) => (vec![quoted(alias)], false),
                None => (vec![quote_identifier(&name)], true),
            },
            Identity::Key(columns) => (columns.into_iter().map(quoted).collect(), false),
            Identity::Nothing => (Vec::new(), false),
        };
        let rowid = match table.identity() {
            Identity::Rowid(name) if hidden_rowid => Some(name),
            _ => None,
        };
        let columns = table.stored().map(|position| table.columns[position].name.clone());
        Self {
            table: quote_identifier(&table.name),
            identity,
            stored: table.stored().map(quoted).collect(),
            written: rowid.into_iter().chain(columns).collect(),
            hidden_rowid,
            names_by_rowid: matches!(table.identity(), Identity::Rowid(_)),
        }
    }

    /// The local database's table.
    pub fn live(&self) -> String {
        format!("{LIVE}.{}", self.table)
    }

    /// The shadow's table.
    pub fn shadow(&self) -> String {
        format!("main.{}", self.table)
    }

    /// `alias.id` for each name of the identity.
    pub fn identity_of(&self, alias: &str) -> String {
        prefixed(alias, &self.identity)
    }

    /// The row's name in one value, as the changefeed writes it: its rowid, or its key as a list of literals.
    pub fn noted_key(&self, alias: &str) -> String {
        match &self.identity[..] {
            [_only] if self.names_by_rowid => self.identity_of(alias),
            names => {
                let literals: Vec<String> =
                    names.iter().map(|name| sql_literal(&format!("{alias}.{name}"))).collect();
                literals.join(" || ',' || ")
            }
        }
    }

    /// The columns of a table of identities: `l1, l2 …` for the local row, `s1, s2 …` for the shadow's.
    pub fn slots(&self, side: char) -> Vec<String> {
        (1..=self.identity.len()).map(|position| format!("{side}{position}")).collect()
    }

    /// `alias` is the row that the slots of `side` in the table of identities `d` name.
    pub fn is_named(&self, alias: &str, side: char) -> String {
        self.is_named_in("d", alias, side)
    }

    /// The same for a table of identities of another alias than `d`.
    pub fn is_named_in(&self, list: &str, alias: &str, side: char) -> String {
        let pairs = self.identity.iter().zip(self.slots(side));
        all(pairs.map(|(name, slot)| format!("{alias}.{name} = {list}.{slot}")))
    }

    /// Two aliases show the same row.
    pub fn same_row(&self, one: &str, other: &str) -> String {
        all(self.identity.iter().map(|name| format!("{one}.{name} = {other}.{name}")))
    }
}

/// The columns, with their collations, of the declared key that names rows which have a rowid that no column shows, as that may be
/// another one in each database: the primary key, else a UNIQUE one.
pub fn lasting_name(table: &Table) -> Option<Vec<(usize, String)>> {
    if !RowShape::of(table).hidden_rowid {
        return None;
    }
    let primary = table.unique_keys.iter().find(|key| key.primary && key.predicate.is_none());
    let key = primary.or_else(|| table.naming_keys().first().copied())?;
    let column =
        |(term, collation): &(Term, String)| term.column().map(|position| (position, collation.clone()));
    key.terms.iter().map(column).collect()
}

/// Two aliases have the same values in a key. The index of either can serve.
pub fn same_key(table: &Table, key: &[(usize, String)], one: &str, other: &str) -> String {
    all(key.iter().map(|(position, collation)| {
        let name = quote_identifier(&table.columns[*position].name);
        format!("{one}.{name} = {other}.{name} COLLATE {}", quote_identifier(collation))
    }))
}

/// What lasts of a row's name whatever its rowid, as one value.
pub fn lasting_key(table: &Table, alias: &str) -> String {
    match lasting_name(table) {
        None => RowShape::of(table).noted_key(alias),
        Some(key) => {
            let literal = |(position, _): &(usize, String)| {
                sql_literal(&format!("{alias}.{}", quote_identifier(&table.columns[*position].name)))
            };
            key.iter().map(literal).collect::<Vec<_>>().join(" || ',' || ")
        }
    }
}

/// Conditions of which each row of `one` meets one at most: `other` is the same row, by what lasts of its name.
pub fn same_lasting(table: &Table, one: &str, other: &str) -> Vec<String> {
    let same_rowid = RowShape::of(table).same_row(one, other);
    let Some(key) = lasting_name(table) else { return vec![same_rowid] };
    let has_null = key
        .iter()
        .map(|(position, _)| format!("{one}.{} IS NULL", quote_identifier(&table.columns[*position].name)));
    let has_null = has_null.collect::<Vec<_>>().join(" OR ");
    vec![same_key(table, &key, one, other), format!("({has_null}) AND {same_rowid}")]
}

/// A row of `child` points to one of `parent` by this key; each is a table and its alias. The parent's collation and affinity decide,
/// as in SQLite's own check (<https://sqlite.org/foreignkeys.html>): `+` takes those of the child away, so that the parent's index serves.
pub fn points_to(key: &ForeignKey, child: (&Table, &str), parent: (&Table, &str)) -> String {
    let name = |table: &Table, column: usize| quote_identifier(&table.columns[column].name);
    let own = key.columns.iter().filter_map(|(own, _)| child.0.column(own));
    let pairs = own.zip(parent.0.pointed_to(key));
    all(pairs.map(|(own, theirs)| {
        format!("{}.{} = +{}.{}", parent.1, name(parent.0, theirs), child.1, name(child.0, own))
    }))
}

/// Joins conditions by AND.
pub fn all(conditions: impl Iterator<Item = String>) -> String {
    conditions.collect::<Vec<_>>().join(" AND ")
}

/// `alias.a, alias.b`.
pub fn prefixed(alias: &str, names: &[String]) -> String {
    names.iter().map(|name| format!("{alias}.{name}")).collect::<Vec<_>>().join(", ")
}

/// Does any stored column of `l` and `s` differ, in value, storage class or byte?
pub fn rows_differ(table: &Table) -> String {
    let conditions: Vec<String> = table
        .stored()
        // The column that names the row is the same on both sides.
        .filter(|&position| table.rowid_alias != Some(position))
        .map(|position| column_differs(&table.columns[position], "l", "s"))
        .collect();
    if conditions.is_empty() { "0".into() } else { conditions.join(" OR ") }
}

/// Does one column differ? `IS NOT` alone takes 3 for 3.0, 'a' for 'A' under NOCASE, and 0.0 for -0.0.
pub fn column_differs(column: &Column, one: &str, other: &str) -> String {
    let name = quote_identifier(&column.name);
    let (one, other) = (format!("{one}.{name}"), format!("{other}.{name}"));
    let differs = format!("{one} IS NOT {other} COLLATE BINARY");
    match column.affinity {
        Affinity::Text | Affinity::Real => differs,
        // A REAL that is a whole number becomes an INTEGER in such a column, except for this one.
        Affinity::Integer => {
            format!("{differs} OR ({one} = -9223372036854775808 AND typeof({one}) <> typeof({other}))")
        }
        Affinity::Blob => format!(
            "{differs} OR typeof({one}) <> typeof({other}) OR ({one} = 0 AND {NEGATIVE_ZERO}({one}) <> {NEGATIVE_ZERO}({other}))"
        ),
    }
}
