//! Sets of rows: neither database takes arrays through one parameter, so they travel as one JSON text; or, where there are
//! many of them to insert, as what each database takes in quickest.

use super::{Dialect, StoreError};
use serde::Serialize;
use sqlx::AnyConnection;
use std::borrow::Cow;

/// Columns of a set of rows, each with its type on PostgreSQL.
pub(super) type Columns = &'static [(&'static str, &'static str)];

/// The rows of the JSON text in parameter `$1` as a table `r`, for a FROM clause.
pub(super) fn rows(dialect: Dialect, columns: Columns) -> String {
    rows_of(dialect, "$1", columns)
}

/// The same of another parameter.
pub(super) fn rows_of(dialect: Dialect, parameter: &str, columns: Columns) -> String {
    match dialect {
        Dialect::Sqlite => {
            let columns: Vec<String> =
                columns.iter().map(|(name, _)| format!("value ->> '{name}' AS {name}")).collect();
            // Not `json_each`: its values are texts, and each column would take its row's apart anew.
            format!("(SELECT {} FROM jsonb_each({parameter})) AS r", columns.join(", "))
        }
        Dialect::Postgres => {
            let columns: Vec<String> = columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
            format!("json_to_recordset(CAST({parameter} AS json)) AS r ({})", columns.join(", "))
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

/// A value of a row.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    Null,
    Number(i64),
    Text(Cow<'a, str>),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Value::Number(number)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Value::Text(Cow::Owned(text))
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, T::into)
    }
}

/// Rows of one INSERT on SQLite: few sizes, so that each text is prepared once.
const CHUNKS: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// Inserts many rows. SQLite gets them as bound values: sent as JSON, it spent as long on taking that apart as on everything
/// else. PostgreSQL gets each column as one array: to take in a row of bound values cost it more than to insert it.
pub struct Inserts<const N: usize> {
    sqlite: [String; CHUNKS.len()],
    postgres: String,
}

impl<const N: usize> Inserts<N> {
    /// Into a table, the columns of the rows and after them those that are the same in all, each with its SQL. A fault has to
    /// roll the whole operation back: then SQLite need not keep a journal to take back the statement.
    pub fn new(table: &str, columns: &[(&str, &str); N], fixed: &[(&str, &str)]) -> Inserts<N> {
        let names: Vec<&str> = columns.iter().chain(fixed).map(|(name, _)| *name).collect();
        let into = format!("INTO {table} ({})", names.join(", "));
        let fixed: String = fixed.iter().map(|(_, sql)| format!(", {sql}")).collect();
        // SQLite searches a list for each name that is not a mere `?`.
        let row = format!("({}{fixed})", ["?"; N].join(", "));
        let sqlite = |rows| format!("INSERT OR FAIL {into} VALUES {}", vec![row.as_str(); rows].join(", "));
        let postgres = format!("INSERT {into} SELECT {}{fixed}", unnested(columns));
        Inserts { sqlite: CHUNKS.map(sqlite), postgres }
    }

    /// Inserts the rows, in as few statements as there can be.
    pub async fn insert(
        &'static self,
        conn: &mut AnyConnection,
        mut rows: &[[Value<'_>; N]],
    ) -> Result<(), StoreError> {
        if Dialect::of(conn) == Dialect::Postgres {
            if !rows.is_empty() {
                bind_arrays(sqlx::query(self.postgres.as_str()), rows).execute(conn).await?;
            }
            return Ok(());
        }
        while let Some((count, sql)) = CHUNKS.iter().zip(&self.sqlite).find(|(count, _)| **count <= rows.len()) {
            let (now, later) = rows.split_at(*count);
            let query = sqlx::query(sql.as_str());
            now.iter().flatten().fold(query, bind).execute(&mut *conn).await?;
            rows = later;
        }
        Ok(())
    }
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

fn bind<'q>(query: Query<'q>, value: &Value<'_>) -> Query<'q> {
    match value {
        Value::Null => query.bind(None::<String>),
        Value::Number(number) => query.bind(*number),
        Value::Text(text) => query.bind(text.to_string()),
    }
}

/// What a SELECT of rows begins with that come by [`bind_arrays`], on PostgreSQL.
pub(super) fn unnested(columns: &[(&str, &str)]) -> String {
    let column =
        |(at, (name, kind)): (usize, &(&str, &str))| format!("unnest(CAST(${} AS {kind}[])) AS {name}", at + 1);
    columns.iter().enumerate().map(column).collect::<Vec<_>>().join(", ")
}

/// Binds rows as PostgreSQL's arrays, one for each column, in the form that they are written in. A column without any value is an
/// empty one: what is shorter than another is filled up with nulls.
pub(super) fn bind_arrays<'q, const N: usize>(mut query: Query<'q>, rows: &[[Value<'_>; N]]) -> Query<'q> {
    for column in 0..N {
        if rows.iter().all(|row| matches!(row[column], Value::Null)) {
            query = query.bind("{}");
            continue;
        }
        let mut array = String::with_capacity(rows.len() * 16);
        for row in rows {
            array.push(if array.is_empty() { '{' } else { ',' });
            match &row[column] {
                Value::Null => array.push_str("NULL"),
                Value::Number(number) => array.push_str(&number.to_string()),
                Value::Text(text) => push_quoted(&mut array, text),
            }
        }
        array.push('}');
        query = query.bind(array);
    }
    query
}

fn push_quoted(array: &mut String, text: &str) {
    array.push('"');
    for piece in text.split_inclusive(['"', '\\']) {
        let (plain, special) = piece.split_at(piece.len() - usize::from(piece.ends_with(['"', '\\'])));
        array.push_str(plain);
        if !special.is_empty() {
            array.push('\\');
            array.push_str(special);
        }
    }
    array.push('"');
}
