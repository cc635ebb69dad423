//! Operations as statements, for the rows that are there at the moment.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::case::Op;
use crate::shape::{Column, Table, identifier, literal, tables};
use crate::values::{Val, render};

/// The statements of one operation on the database as it is now; none where it does not apply.
pub(crate) fn statements(conn: &Connection, op: &Op) -> Vec<String> {
    let tables = tables(conn);
    if tables.is_empty() {
        return Vec::new();
    }
    let table = &tables[usize::from(op.table) % tables.len()];
    let at = Here { conn, table, op };
    // Every other one asks what became of the rows.
    let returning = if op.values.len().is_multiple_of(2) { " RETURNING *" } else { "" };
    let returns = |sql: &String| ["INSERT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb));
    let mut statements = at.statements(&tables);
    statements.iter_mut().filter(|sql| returns(sql)).for_each(|sql| sql.push_str(returning));
    statements
}

struct Here<'a> {
    conn: &'a Connection,
    table: &'a Table,
    op: &'a Op,
}

impl Here<'_> {
    fn statements(&self, tables: &[Table]) -> Vec<String> {
        let (at, op, table) = (self, self.op, self.table);
        match op.what {
            0..=6 => vec![at.insert(
                [
                    "",
                    "",
                    "OR IGNORE ",
                    "OR REPLACE ",
                    "",
                    "",
                    "OR FAIL ",
                    "OR REPLACE ",
                    "OR REPLACE ",
                    "OR ROLLBACK ",
                ][usize::from(op.conflict)],
            )],
            7 | 8 => at.upsert(),
            9..=14 => at.update(),
            15..=17 => at.delete(),
            18 => at.change_key(),
            19 => at.change_rowid(),
            20 | 21 => at.swap(),
            22 => at.cycle(),
            23 | 24 => at.move_children_and_delete(tables),
            25 => vec![format!("DELETE FROM {}", identifier(&table.name))],
            26 => at.insert_from_itself(),
            _ => vec![at.insert_defaults()],
        }
    }

    fn name(&self) -> String {
        identifier(&self.table.name)
    }

    /// The value number `slot` for a column: an existing key of the parent if it is a foreign key.
    fn value(&self, column: &Column, slot: usize) -> String {
        let val = &self.op.values[slot % self.op.values.len()];
        let key = self.table.foreign_keys.iter().find(|key| key.from == column.name);
        if let (Some(key), Val::Small(which)) = (key, val)
            && *which < 7
            && let Some(to) = &key.to
        {
            // The key of a row that is there, or none: what points to nothing is refused as a rule.
            return self.nth(&key.parent, to, usize::from(*which)).unwrap_or_else(|| "NULL".into());
        }
        let sql = match val {
            // Known limitation: a row whose only name is longer than a statement cannot be written.
            Val::Large(which, _) if column.key > 0 && self.table.rowid.is_none() => {
                render(&Val::Small(*which), &column.kind)
            }
            val => render(val, &column.kind),
        };
        // After the highest rowid SQLite picks the next one at random, and nothing could be compared.
        if self.table.is_rowid_alias(column) && sql.starts_with("92233720368547758") {
            return "9007199254740993".into();
        }
        sql
    }

    /// The value of a column in some row, as SQL.
    fn nth(&self, table: &str, column: &str, which: usize) -> Option<String> {
        let (table, column) = (identifier(table), identifier(column));
        let count: i64 =
            self.conn.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0)).ok()?;
        if count == 0 {
            return None;
        }
        let sql = format!("SELECT {column} FROM {table} ORDER BY 1 LIMIT 1 OFFSET {}", which as i64 % count);
        self.conn.query_row(&sql, (), |row| Ok(literal(row.get_ref(0)?))).ok()
    }

    /// What names one row: its key, else its rowid, else all it holds.
    fn place(&self, which: u8) -> Option<String> {
        let mut names: Vec<String> = self.table.key().iter().map(|column| identifier(&column.name)).collect();
        if names.is_empty() {
            names = match self.table.rowid {
                Some(rowid) => vec![rowid.to_owned()],
                None => self.table.written().map(|column| identifier(&column.name)).collect(),
            };
        }
        let count: i64 = self
            .conn
            .query_row(&format!("SELECT count(*) FROM {}", self.name()), (), |row| row.get(0))
            .ok()?;
        if count == 0 {
            return None;
        }
        let order: Vec<String> = (1..=names.len()).map(|position| position.to_string()).collect();
        let sql = format!(
            "SELECT {} FROM {} ORDER BY {} LIMIT 1 OFFSET {}",
            names.join(", "),
            self.name(),
            order.join(", "),
            i64::from(which) % count
        );
        let place = self.conn.query_row(&sql, (), |row| {
            let mut parts = Vec::new();
            for (position, name) in names.iter().enumerate() {
                let value = row.get_ref(position)?;
                // A long value would make a statement that D1 refuses.
                if matches!(value, ValueRef::Text(bytes) | ValueRef::Blob(bytes) if bytes.len() > 20_000) {
                    return Ok(None);
                }
                parts.push(format!("{name} IS {}", literal(value)));
            }
            Ok(Some(parts.join(" AND ")))
        });
        place.ok().flatten()
    }

    /// Columns and values of a new row; now and then the rowid is left to SQLite.
    fn row(&self) -> (Vec<String>, Vec<String>) {
        let automatic = self.op.other > 4;
        let mut names = Vec::new();
        let mut values = Vec::new();
        for (slot, column) in self.table.written().enumerate() {
            if automatic && self.table.is_rowid_alias(column) {
                continue;
            }
            names.push(identifier(&column.name));
            values.push(self.value(column, slot + usize::from(self.op.column)));
        }
        (names, values)
    }

    fn insert(&self, conflict: &str) -> String {
        let (names, values) = self.row();
        if names.is_empty() {
            return self.insert_defaults();
        }
        format!("INSERT {conflict}INTO {}({}) VALUES ({})", self.name(), names.join(", "), values.join(", "))
    }

    fn insert_defaults(&self) -> String {
        format!("INSERT INTO {} DEFAULT VALUES", self.name())
    }

    fn insert_from_itself(&self) -> Vec<String> {
        let columns: Vec<String> = self
            .table
            .written()
            .filter(|column| !self.table.is_rowid_alias(column))
            .map(|column| identifier(&column.name))
            .collect();
        if columns.is_empty() {
            return Vec::new();
        }
        let columns = columns.join(", ");
        // Long values would double again and again.
        let conflict = ["OR IGNORE", "OR REPLACE", ""][usize::from(self.op.conflict) % 3];
        vec![format!(
            "INSERT {conflict} INTO {0}({columns}) SELECT {columns} FROM {0} ORDER BY {columns} LIMIT 4",
            self.name()
        )]
    }

    fn upsert(&self) -> Vec<String> {
        let insert = self.insert("");
        let Some(column) = self.column() else { return vec![insert] };
        let column = identifier(&column.name);
        let target: Vec<String> = self.table.key().iter().map(|column| identifier(&column.name)).collect();
        match self.op.conflict {
            0..=1 if !target.is_empty() => {
                vec![format!("{insert} ON CONFLICT ({}) DO NOTHING", target.join(", "))]
            }
            2..=5 if !target.is_empty() => {
                vec![format!(
                    "{insert} ON CONFLICT ({}) DO UPDATE SET {column} = excluded.{column}",
                    target.join(", ")
                )]
            }
            6 => vec![format!("{insert} ON CONFLICT DO NOTHING")],
            _ => vec![format!("{insert} ON CONFLICT DO UPDATE SET {column} = excluded.{column}")],
        }
    }

    /// A column that can be written, besides the key if there is one.
    fn column(&self) -> Option<&Column> {
        let columns: Vec<&Column> = self.table.written().filter(|column| column.key == 0).collect();
        match columns.len() {
            0 => None,
            count => Some(columns[usize::from(self.op.column) % count]),
        }
    }

    fn update(&self) -> Vec<String> {
        let Some(column) = self.column() else { return Vec::new() };
        let conflict = [
            "",
            "",
            "",
            "",
            "OR REPLACE ",
            "OR IGNORE ",
            "OR REPLACE ",
            "OR REPLACE ",
            "OR FAIL ",
            "OR ROLLBACK ",
        ][usize::from(self.op.conflict)];
        let value = self.value(column, 0);
        let set = format!("UPDATE {conflict}{} SET {} = {value}", self.name(), identifier(&column.name));
        match self.place(self.op.row) {
            // Every row, from time to time. In which order they are visited is SQLite's choice, and a trigger may change it:
            // so not where the order decides who gets a unique value.
            _ if self.op.other == 7 && conflict.is_empty() && !self.table.unique.contains(&column.name) => {
                vec![set]
            }
            Some(place) => vec![format!("{set} WHERE {place}")],
            None => Vec::new(),
        }
    }

    fn delete(&self) -> Vec<String> {
        let delete = |place| format!("DELETE FROM {} WHERE {place}", self.name());
        self.place(self.op.row).map(delete).into_iter().collect()
    }

    fn change_key(&self) -> Vec<String> {
        let key = self.table.key();
        let (Some(place), false) = (self.place(self.op.row), key.is_empty()) else { return Vec::new() };
        let column = key[usize::from(self.op.column) % key.len()];
        let conflict = if self.op.conflict > 6 { "OR REPLACE " } else { "" };
        vec![format!(
            "UPDATE {conflict}{} SET {} = {} WHERE {place}",
            self.name(),
            identifier(&column.name),
            self.value(column, 0)
        )]
    }

    fn change_rowid(&self) -> Vec<String> {
        let (Some(place), Some(rowid)) = (self.place(self.op.row), self.table.rowid) else {
            return Vec::new();
        };
        let conflict = if self.op.conflict > 6 { "OR REPLACE " } else { "" };
        vec![format!("UPDATE {conflict}{} SET {rowid} = {} WHERE {place}", self.name(), self.op.other)]
    }

    /// Two rows exchange a unique value, or their key, over one that nobody has.
    fn swap(&self) -> Vec<String> {
        let (Some(column), Some(one), Some(two)) =
            (self.unique_column(), self.place(self.op.row), self.place(self.op.row.wrapping_add(1)))
        else {
            return Vec::new();
        };
        self.exchange(column, &[one, two])
    }

    fn cycle(&self) -> Vec<String> {
        let places: Option<Vec<String>> =
            (0..3).map(|step| self.place(self.op.row.wrapping_add(step))).collect();
        match (self.unique_column(), places) {
            (Some(column), Some(places)) => self.exchange(column, &places),
            _ => Vec::new(),
        }
    }

    fn exchange(&self, column: &Column, places: &[String]) -> Vec<String> {
        let name = identifier(&column.name);
        let read = |place: &String| {
            let sql = format!("SELECT {name} FROM {} WHERE {place} LIMIT 1", self.name());
            self.conn.query_row(&sql, (), |row| Ok(literal(row.get_ref(0)?))).ok()
        };
        let values: Option<Vec<String>> = places.iter().map(read).collect();
        let Some(values) = values.filter(|values| values.iter().all(|value| value.len() < 20_000)) else {
            return Vec::new();
        };
        let aside = match column.kind.as_str() {
            "TEXT" => "'aside'",
            "BLOB" => "X'A51DE0'",
            _ => "4711",
        };
        let set =
            |value: &str, place: &str| format!("UPDATE {} SET {name} = {value} WHERE {place}", self.name());
        let is_key = column.key > 0;
        // Where the key itself moves, a row is found at the value that it has by then.
        let at = |position: usize, value: &str| match is_key && self.table.key().len() == 1 {
            true => format!("{name} IS {value}"),
            false => places[position].clone(),
        };
        let mut out = vec![set(aside, &places[0])];
        for position in 1..places.len() {
            out.push(set(&values[position - 1], &at(position, &values[position])));
        }
        out.push(set(&values[values.len() - 1], &at(0, aside)));
        out
    }

    fn unique_column(&self) -> Option<&Column> {
        let columns: Vec<&Column> = self
            .table
            .written()
            .filter(|column| column.key > 0 || self.table.unique.contains(&column.name))
            .collect();
        match columns.len() {
            0 => self.column(),
            count => Some(columns[usize::from(self.op.column) % count]),
        }
    }

    fn move_children_and_delete(&self, tables: &[Table]) -> Vec<String> {
        let Some(key) = self.table.foreign_keys.first() else { return Vec::new() };
        let Some(to) = &key.to else { return Vec::new() };
        let Some(parent) = tables.iter().find(|table| table.name.eq_ignore_ascii_case(&key.parent)) else {
            return Vec::new();
        };
        let row = usize::from(self.op.row);
        let (Some(old), Some(new)) = (self.nth(&parent.name, to, row), self.nth(&parent.name, to, row + 1))
        else {
            return Vec::new();
        };
        let from = identifier(&key.from);
        vec![
            format!("UPDATE {} SET {from} = {new} WHERE {from} IS {old}", self.name()),
            format!("DELETE FROM {} WHERE {} IS {old}", identifier(&parent.name), identifier(to)),
        ]
    }
}
