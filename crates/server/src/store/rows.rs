//! Sets of rows: neither database takes arrays through one parameter, so they travel as one JSON text.

use super::{Dialect, StoreError};
use serde::Serialize;

/// Columns of a set of rows, each with its type on PostgreSQL.
pub(super) type Columns = &'static [(&'static str, &'static str)];

/// The rows of the JSON text in parameter `$1` as a table `r`, for a FROM clause.
pub(super) fn rows(dialect: Dialect, columns: Columns) -> String {
    match dialect {
        Dialect::Sqlite => {
            let columns: Vec<String> =
                columns.iter().map(|(name, _)| format!("value ->> '{name}' AS {name}")).collect();
            format!("(SELECT {} FROM json_each($1)) AS r", columns.join(", "))
        }
        Dialect::Postgres => {
            let columns: Vec<String> = columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
            format!("json_to_recordset(CAST($1 AS json)) AS r ({})", columns.join(", "))
        }
    }
}

/// A statement over a set of rows; its text is made of literals of ours, the rows are its first parameter.
pub(super) fn over<T: Serialize>(
    sql: String,
    rows: &[T],
) -> Result<sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments>, StoreError> {
    Ok(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(serde_json::to_string(rows)?))
}
