//! Sets of rows: neither database takes arrays through one parameter, so they travel as one JSON text.

use super::{Dialect, StoreError};
use serde::Serialize;
use sqlx::AnyConnection;

/// Columns of a set of rows, each with its type on PostgreSQL.
pub(super) type Columns = &'static [(&'static str, &'static str)];

/// The rows of the JSON text in parameter `$1` as a table `r`, for a FROM clause.
pub(super) fn rows(dialect: Dialect, columns: Columns) -> String {
    match dialect {
        Dialect::Sqlite => {
            let columns: Vec<String> =
                columns.iter().map(|(name, _)| format!("value ->> '{name}' AS {name}")).collect();
            // Not `json_each`: its values are texts, and each column would take its row's apart anew.
            format!("(SELECT {} FROM jsonb_each($1)) AS r", columns.join(", "))
        }
        Dialect::Postgres => {
            let columns: Vec<String> = columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
            format!("json_to_recordset(CAST($1 AS json)) AS r ({})", columns.join(", "))
        }
    }
}

/// The texts of the JSON list in that parameter, for an IN.
pub(super) fn among(dialect: Dialect, parameter: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!("(SELECT value FROM json_each({parameter}))"),
        Dialect::Postgres => format!("(SELECT json_array_elements_text(CAST({parameter} AS json)))"),
    }
}

/// That `column`, the first of an index, is `value`, in a join under [`only_by_index`]. Equal columns PostgreSQL would also
/// join by walking all of the index, which it takes for short while it believes the table empty: a queue is, whenever it was
/// looked at. By a range it can only look each value up.
pub(super) fn is(dialect: Dialect, column: &str, value: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!("{column} = {value}"),
        Dialect::Postgres => format!("{column} >= {value} AND {column} <= {value}"),
    }
}

/// A statement over a set of rows or a list of texts; its text is made of literals of ours, the rows are its first parameter.
pub(super) fn over<T: Serialize>(
    sql: String,
    rows: &[T],
) -> Result<sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments>, StoreError> {
    Ok(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(serde_json::to_string(rows)?))
}

/// From here to the end of the transaction PostgreSQL's planner may only read by an index, in its order. Going by estimates it
/// preferred to read and sort the backlog, or kept a plan from when there was none; and to compile a statement that runs for
/// less than a millisecond.
pub(super) async fn only_by_index(conn: &mut AnyConnection) -> Result<(), StoreError> {
    if Dialect::of(conn) == Dialect::Postgres {
        let sql = "SELECT set_config('enable_sort', 'off', true), set_config('enable_incremental_sort', 'off', true), \
             set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)";
        sqlx::query(sql).execute(conn).await?;
    }
    Ok(())
}

/// Rows of one INSERT: few sizes, so that each text is prepared once.
const CHUNKS: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// The texts that insert many rows of bound values. Sent as JSON instead, SQLite spent as long on taking that apart as on
/// everything else.
pub struct Inserts {
    sqlite: [String; CHUNKS.len()],
    postgres: [String; CHUNKS.len()],
}

impl Inserts {
    /// `into` is the table and its columns: those that are bound, then those whose values are `fixed`, with a comma before
    /// each. A fault has to roll the whole operation back: then SQLite need not keep a journal to take back the statement.
    pub fn new(into: &str, bound: usize, fixed: &str) -> Inserts {
        // SQLite searches a list for each name that is not a mere `?`.
        let sqlite = |rows| format!("INSERT OR FAIL INTO {into} VALUES {}", groups(rows, bound, fixed, |_| "?".into()));
        let postgres = |rows| format!("INSERT INTO {into} VALUES {}", groups(rows, bound, fixed, |n| format!("${n}")));
        Inserts { sqlite: CHUNKS.map(sqlite), postgres: CHUNKS.map(postgres) }
    }

    /// The text that takes the most of so many rows, and how many it takes; none when there are none.
    pub fn of(&self, dialect: Dialect, rows: usize) -> Option<(usize, &str)> {
        let texts = match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        };
        let found = CHUNKS.iter().zip(texts).find(|(count, _)| **count <= rows);
        found.map(|(count, text)| (*count, text.as_str()))
    }
}

/// `($1, $2, …, fixed), (…)`: so many rows of so many parameters each.
fn groups(rows: usize, columns: usize, fixed: &str, parameter: impl Fn(usize) -> String) -> String {
    let group = |row: usize| {
        let parameters: Vec<String> = (1..=columns).map(|column| parameter(row * columns + column)).collect();
        format!("({}{fixed})", parameters.join(", "))
    };
    (0..rows).map(group).collect::<Vec<_>>().join(", ")
}
