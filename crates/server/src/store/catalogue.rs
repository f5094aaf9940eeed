//! The tables as the database itself lists them, and their rows whatever they mean: for what must forget none of them.

use super::{Dialect, StoreError};
use futures::TryStreamExt;
use ring::digest::{SHA256, digest};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Text,
    Number,
    Bytes,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    /// Its place in the primary key, from 1; 0 when it is not in it.
    pub key: i64,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(Option<String>),
    Number(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

/// What a table holds: how many rows, and a sum over their digests that does not depend on their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Content {
    pub rows: u64,
    sum: [u64; 4],
}

const SQLITE: &str = "SELECT m.name AS t, p.name AS c, p.type AS kind, p.pk AS place \
     FROM sqlite_master m JOIN pragma_table_info(m.name) p \
     WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.rowid, p.cid";

const POSTGRES: &str = "SELECT CAST(c.relname AS TEXT) AS t, CAST(a.attname AS TEXT) AS c, \
     CAST(format_type(a.atttypid, a.atttypmod) AS TEXT) AS kind, \
     COALESCE((SELECT k.place FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, place) \
         WHERE i.indrelid = c.oid AND i.indisprimary AND k.attnum = a.attnum), 0) AS place \
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname = current_schema() \
     ORDER BY c.oid, a.attnum";

/// Every table, in the order of their making: one that refers to another comes after it.
pub async fn tables(conn: &mut AnyConnection) -> Result<Vec<Table>, StoreError> {
    let sql = Dialect::of(conn).pick(SQLITE, POSTGRES);
    let mut tables: Vec<Table> = Vec::new();
    for row in sqlx::query(sql).fetch_all(conn).await? {
        let (name, declared): (String, String) = (row.try_get("t")?, row.try_get("kind")?);
        let kind = match declared.to_lowercase().as_str() {
            "text" => Kind::Text,
            "bigint" | "bigserial" => Kind::Number,
            "bytea" => Kind::Bytes,
            _ => return Err(StoreError::Bug(format!("{name} has a column of the type {declared}"))),
        };
        let column = Column { name: row.try_get("c")?, kind, key: row.try_get("place")? };
        match tables.last_mut() {
            Some(table) if table.name == name => table.columns.push(column),
            Some(_) | None => tables.push(Table { name, columns: vec![column] }),
        }
    }
    Ok(tables)
}

impl Table {
    /// The columns' names, separated by commas.
    pub fn list(&self) -> String {
        self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The places of the primary key's columns, in the key's order.
    pub fn key(&self) -> Vec<usize> {
        let mut key: Vec<usize> = (0..self.columns.len()).filter(|at| self.columns[*at].key > 0).collect();
        key.sort_by_key(|at| self.columns[*at].key);
        key
    }

    /// The columns in an order that does not depend on how the table came to have them.
    pub fn sorted(&self) -> Vec<&Column> {
        let mut columns: Vec<&Column> = self.columns.iter().collect();
        columns.sort();
        columns
    }

    /// The values of a row that was read by [`Table::list`].
    pub fn read(&self, row: &AnyRow) -> Result<Vec<Value>, StoreError> {
        let value = |(at, column): (usize, &Column)| -> Result<Value, sqlx::Error> {
            Ok(match column.kind {
                Kind::Text => Value::Text(row.try_get(at)?),
                Kind::Number => Value::Number(row.try_get(at)?),
                Kind::Bytes => Value::Bytes(row.try_get(at)?),
            })
        };
        Ok(self.columns.iter().enumerate().map(value).collect::<Result<_, _>>()?)
    }

    /// How many rows there are.
    pub async fn count(&self, conn: &mut AnyConnection) -> Result<u64, StoreError> {
        let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {}", self.name));
        let count: i64 = sqlx::query_scalar(sql).fetch_one(conn).await?;
        Ok(count.unsigned_abs())
    }

    /// Reads every row; tells after some how many more it has read.
    pub async fn content(&self, conn: &mut AnyConnection, read: &(dyn Fn(u64) + Sync)) -> Result<Content, StoreError> {
        let sql = AssertSqlSafe(format!("SELECT {} FROM {}", self.list(), self.name));
        let order = self.sorted_places();
        let mut content = Content::default();
        let mut rows = sqlx::query(sql).fetch(conn);
        while let Some(row) = rows.try_next().await? {
            let values = self.read(&row)?;
            content.add(order.iter().map(|at| &values[*at]));
            read(1);
        }
        Ok(content)
    }

    fn sorted_places(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.columns.len()).collect();
        places.sort_by(|a, b| self.columns[*a].name.cmp(&self.columns[*b].name));
        places
    }
}

/// Binds a value; a NULL has the type of its column, as PostgreSQL wants it.
pub fn bind<'q>(query: Query<'q, Any, AnyArguments>, value: Value) -> Query<'q, Any, AnyArguments> {
    match value {
        Value::Text(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
        Value::Bytes(bytes) => query.bind(bytes),
    }
}

impl Content {
    fn add<'v>(&mut self, row: impl Iterator<Item = &'v Value>) {
        let mut bytes = Vec::new();
        for value in row {
            match value {
                Value::Text(Some(text)) => put(&mut bytes, text.as_bytes()),
                Value::Number(Some(number)) => put(&mut bytes, &number.to_be_bytes()),
                Value::Bytes(Some(some)) => put(&mut bytes, some),
                Value::Text(None) | Value::Number(None) | Value::Bytes(None) => bytes.push(0),
            }
        }
        self.rows += 1;
        let hash = digest(&SHA256, &bytes);
        for (sum, eight) in self.sum.iter_mut().zip(hash.as_ref().chunks_exact(8)) {
            *sum = sum.wrapping_add(eight.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)));
        }
    }
}

fn put(bytes: &mut Vec<u8>, value: &[u8]) {
    bytes.push(1);
    bytes.extend((value.len() as u64).to_be_bytes());
    bytes.extend(value);
}
