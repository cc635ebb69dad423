//! The chapters: each a file of SQL beside this one, with what is easier made than written. Statements may fail: then they must
//! fail in the same way where the tables are tracked.

/// Tables with rows, what a program does to them, and what it asks in the end.
pub(super) struct Chapter {
    pub(super) name: &'static str,
    pub(super) schema: String,
    pub(super) statements: Vec<String>,
    pub(super) queries: Vec<&'static str>,
}

pub(super) fn chapter(name: &str) -> Chapter {
    chapters().into_iter().find(|chapter| chapter.name == name).expect("there is such a chapter")
}

pub(super) fn chapters() -> Vec<Chapter> {
    let mut features = read("features", include_str!("features.sql"));
    features.schema.push_str(&wide_tables());
    let new = [
        ("wide", "7"),
        ("wide_key", "'k7'"),
        ("wide_unique", "'u7'"),
        ("wide_none", "7"),
        ("wide_none", "8"),
    ];
    features.statements.extend(new.map(|(table, first)| insert_wide(table, first)));
    vec![
        Chapter { name: "values", schema: VALUES.into(), statements: values(), queries: Vec::new() },
        read("keys", include_str!("keys.sql")),
        read("conflicts", include_str!("conflicts.sql")),
        read("foreign keys", include_str!("foreign_keys.sql")),
        read("triggers", include_str!("triggers.sql")),
        features,
        read("search", include_str!("search.sql")),
    ]
}

/// A schema; then, below a line that says so, statements; then queries.
fn read(name: &'static str, text: &'static str) -> Chapter {
    let (text, queries) = text.split_once("\n-- Queries").unwrap_or((text, ""));
    let (schema, statements) = text.split_once("\n-- Statements").expect("statements");
    let statements = lines(statements).map(str::to_owned).collect();
    Chapter { name, schema: schema.into(), statements, queries: lines(queries).collect() }
}

/// One a line, below the rest of the headline.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().skip(1).filter(|line| !line.is_empty())
}

const VALUES: &str = "
    CREATE TABLE v (id INTEGER PRIMARY KEY, plain, t TEXT, r REAL, n NUMERIC, i INTEGER, b BLOB);
    CREATE TABLE v_strict (id INTEGER PRIMARY KEY, t TEXT, r REAL, i INT, b BLOB, any ANY) STRICT;
    INSERT INTO v (id, plain, r) VALUES (1000, 0.0, 0.0), (1001, -0.0, -0.0), (1002, 3, 3), (1003, '', ''), (1004, 'a', 'a');";

/// What something may get wrong on the way through text.
const HARD: [&str; 34] = [
    "9223372036854775807",
    "-9223372036854775808",
    "9007199254740993",
    "9007199254740993.0",
    "3.0",
    "-0.0",
    "0.1 + 0.2",
    "5e-324",
    "2.2250738585072011e-308",
    "1.7976931348623157e308",
    "9e999",
    "-9e999",
    "NULL",
    "''",
    "X''",
    "CAST(X'610062' AS TEXT)",
    "CAST(X'00' AS TEXT)",
    "'line' || char(13, 10) || 'line'",
    "'line' || char(10) || 'line\\n'",
    "char(13)",
    "'it''s \"quoted\" `so` [so]'",
    "'😀 ünï'",
    "CAST(X'FFFE41' AS TEXT)",
    "CAST(X'C3' AS TEXT)",
    "'-- no comment'",
    "'/* no comment' || char(10) || '*/;'",
    "'; DROP TABLE v;'",
    "'BEGIN ' || 'TRANSACTION; x; COMMIT;'",
    "'BEGIN ' || 'TRANSACTION; BEGIN ' || 'TRANSACTION; x; COMMIT; COMMIT;'",
    "'? ?1 :a @b $c $tag$ x $tag$'",
    "'9e999'",
    "' 12 '",
    "X'000D0A00FF'",
    "char(1, 8, 9, 11, 12, 27, 127, 8232, 65279)",
];

fn values() -> Vec<String> {
    let mut statements = Vec::new();
    for (number, value) in HARD.iter().enumerate() {
        let six = [*value; 6].join(", ");
        statements.push(format!("INSERT INTO v VALUES ({number}, {six})"));
        // Refused where a column does not take the type.
        for column in ["t", "r", "i", "b", "any"] {
            statements.push(format!("INSERT INTO v_strict (id, {column}) VALUES ({number}, {value}) ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}"));
        }
    }
    // A change that only the type, the sign or the case shows.
    for (id, value) in [(1000, "-0.0"), (1001, "0.0"), (1002, "3.0"), (1003, "X''"), (1004, "'A'")] {
        statements.push(format!("UPDATE v SET plain = {value}, r = {value} WHERE id = {id}"));
    }
    for number in 0..HARD.len() {
        let value = HARD[(number + 1) % HARD.len()];
        statements
            .push(format!("UPDATE v SET plain = {value}, b = {value} WHERE id = {number} RETURNING id"));
    }
    statements
}

/// Four tables of as many columns as D1 takes: of every affinity; with a key of many columns and names so long that a
/// trigger that lists them is longer than a statement; with many unique columns; and without a key, so that the rowid is
/// written too.
fn wide_tables() -> String {
    let kinds = ["INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", ""];
    let columns = |column: &dyn Fn(usize) -> String| (1..100).map(column).collect::<Vec<_>>().join(", ");
    let name = |number: usize| match number {
        99 => "c99".to_owned(),
        _ => format!("c{number}_with_a_name_that_is_as_long_as_it_can_be_in_life"),
    };
    let wide = columns(&|number| format!("c{number} {}", kinds[number % 6]));
    let wide_key = columns(&|number| name(number));
    let key: Vec<String> = (1..40).map(name).collect();
    let wide_unique = columns(&|number| format!("c{number}{}", if number < 60 { " UNIQUE" } else { "" }));
    let wide_none = columns(&|number| format!("c{number}"));
    let rows = [
        ("wide", ["1", "5"]),
        ("wide_key", ["'k1'", "'k2'"]),
        ("wide_unique", ["'u1'", "'u2'"]),
        ("wide_none", ["2", "3"]),
        ("wide_none", ["4", "5"]),
    ];
    let rows = rows.map(|(table, firsts)| firsts.map(|first| insert_wide(table, first)).join("; "));
    format!(
        "CREATE TABLE wide (c0 INTEGER PRIMARY KEY, {wide});
        CREATE TABLE wide_key (c0 TEXT, {wide_key}, PRIMARY KEY (c0, {})) WITHOUT ROWID;
        CREATE TABLE wide_unique (c0 TEXT UNIQUE, {wide_unique});
        CREATE TABLE wide_none (c0, {wide_none});
        {};
        DELETE FROM wide_none WHERE c0 IN (2, 4);
        ANALYZE;",
        key.join(", "),
        rows.join(";\n")
    )
}

fn insert_wide(table: &str, first: &str) -> String {
    let rest: Vec<String> = (1..100).map(|column| format!("{first} || '{column}'")).collect();
    format!("INSERT INTO {table} VALUES ({first}, {})", rest.join(", "))
}
