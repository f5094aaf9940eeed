//! Every row of every table from one database into another, in batches; what was done is written where the rows go, in
//! the same transaction, so that a copy that was killed goes on where it was.

use super::catalogue::{Content, Table, Value, bind, tables};
use super::open_error::{OpenError, of_postgres};
use super::{StoreError, advisory, job, outbox, schema};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

/// The table that an unfinished copy leaves in the target; a node refuses to start on it.
pub const UNFINISHED: &str = "unfinished_copy";

/// Tables that are no data: each database has its own.
const OWN: [&str; 2] = ["schema_version", UNFINISHED];

/// Changed at the end of a copy, when the leases of the dead process end.
const LEASED: [&str; 2] = ["job", "outbox"];

/// The most values that one statement of PostgreSQL takes are 65,535.
const VALUES: usize = 16_000;
/// Rows of a batch, at most.
const ROWS: usize = 500;
/// Rows of a batch where a row holds up to a megabyte.
const BIG_ROWS: usize = 8;

/// Why a copy cannot be, or is not right.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("--to: the target holds something of somebody else's ({0}); name an empty database")]
    Foreign(String),
    #[error("--to: the target holds data already ({0} has rows); name an empty database")]
    Occupied(String),
    #[error("--to: the target holds a part of another instance's copy; name an empty database")]
    Other,
    #[error("--to: another copy into this database is running")]
    Running,
    #[error("--to: source and target do not have the same tables: {0}")]
    Differ(String),
    #[error(
        "{table} is not the same on both sides ({source_rows} rows and {target_rows}): was the source used meanwhile? \
             Empty the target and copy again"
    )]
    Mismatch { table: String, source_rows: u64, target_rows: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for CopyError {
    fn from(error: sqlx::Error) -> CopyError {
        CopyError::Store(error.into())
    }
}

/// How far a copy is.
#[derive(Debug, Clone, Copy)]
pub enum Step<'s> {
    /// So many rows are to be copied and read again on both sides, each time counted anew.
    Total(u64),
    /// A table begins.
    Table(&'s str),
    /// So many more rows are copied, or read again.
    Rows(u64),
}

/// Told of every step.
pub type Report<'f> = &'f (dyn Fn(Step<'_>) + Sync);

/// Anything at all that lies where the tables would be made.
const ANYTHING: &str = "SELECT CAST(relname AS TEXT) FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f') \
     AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) ORDER BY 1 LIMIT 1";

/// What a target holds before a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// No row of anybody's.
    Nothing,
    /// A part of this instance: the copy goes on.
    Part,
    /// This instance.
    Whole,
}

/// Takes the target for this copy alone and looks at it, before a table is made in it; refuses one that is in use for
/// something else.
pub async fn look(source: &mut AnyConnection, target: &mut AnyConnection) -> Result<Held, CopyError> {
    only(target).await?;
    let from = origin(source).await?;
    if is_unfinished(target).await? {
        let sql = "SELECT after_key FROM unfinished_copy WHERE table_name = ''";
        let known: String = sqlx::query_scalar(sql).fetch_one(target).await?;
        return if known == from { Ok(Held::Part) } else { Err(CopyError::Other) };
    }
    // Both were made at once; others, too, name a table for the versions of their schema.
    if !(schema::has_table(target, "schema_version").await? && schema::has_table(target, "scan").await?) {
        return match sqlx::query_scalar(ANYTHING).fetch_optional(target).await? {
            Some(name) => Err(CopyError::Foreign(name)),
            None => Ok(Held::Nothing),
        };
    }
    for table in data_tables(target).await? {
        if table.count(target).await? > 0 {
            let is_own = !from.is_empty() && origin(target).await? == from;
            return if is_own { Ok(Held::Whole) } else { Err(CopyError::Occupied(table.name)) };
        }
    }
    Ok(Held::Nothing)
}

/// Begins a copy: no node starts on the target before the end.
pub async fn mark(source: &mut AnyConnection, target: &mut AnyConnection, place: &str) -> Result<(), OpenError> {
    let from = origin(source).await?;
    let marked = async {
        let mut tx = target.begin().await?;
        let table = "CREATE TABLE unfinished_copy (table_name TEXT PRIMARY KEY, after_key TEXT NOT NULL)";
        sqlx::query(table).execute(&mut *tx).await?;
        let sql = "INSERT INTO unfinished_copy (table_name, after_key) VALUES ('', $1)";
        sqlx::query(sql).bind(from).execute(&mut *tx).await?;
        tx.commit().await
    };
    marked.await.map_err(|error| of_postgres(place, &error))
}

/// Copies everything and holds both sides against each other; answers each table with its rows.
pub async fn copy(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    held: Held,
    report: Report<'_>,
) -> Result<Vec<(String, u64)>, CopyError> {
    let (from, into) = (data_tables(source).await?, data_tables(target).await?);
    same(&from, &into)?;
    let mut total = 0;
    for table in &from {
        total += table.count(source).await?;
    }
    // What is there already is only read.
    let times = if held == Held::Whole { 2 } else { 3 };
    report(Step::Total(times * total));
    if held == Held::Whole {
        return already(source, target, &from, &into, report).await;
    }
    for table in &from {
        report(Step::Table(&table.name));
        copy_table(source, target, table, report).await?;
    }
    let copied = compare(source, target, &from, &into, &[], report).await?;
    end(target).await?;
    Ok(copied)
}

/// Whether a copy into this database was not ended.
pub async fn is_unfinished(conn: &mut AnyConnection) -> Result<bool, StoreError> {
    Ok(schema::has_table(conn, UNFINISHED).await?)
}

async fn data_tables(conn: &mut AnyConnection) -> Result<Vec<Table>, StoreError> {
    let mut found = tables(conn).await?;
    found.retain(|table| !OWN.contains(&table.name.as_str()));
    Ok(found)
}

/// A copy that was killed a moment ago may still be known to the server.
async fn only(target: &mut AnyConnection) -> Result<(), CopyError> {
    for _ in 0..50 {
        let taken: i64 = sqlx::query_scalar(advisory::COPY).fetch_one(&mut *target).await?;
        if taken == 1 {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    Err(CopyError::Running)
}

fn same(from: &[Table], into: &[Table]) -> Result<(), CopyError> {
    let missing = |these: &[Table], those: &[Table]| {
        let is_there = |table: &Table| those.iter().any(|t| t.name == table.name && t.sorted() == table.sorted());
        these.iter().find(|table| !is_there(table)).map(|table| table.name.clone())
    };
    match missing(from, into).or_else(|| missing(into, from)) {
        Some(name) => Err(CopyError::Differ(name)),
        None => Ok(()),
    }
}

/// What tells one instance from another: its first tenant's id.
async fn origin(conn: &mut AnyConnection) -> Result<String, StoreError> {
    let first = "SELECT id FROM tenant ORDER BY created_at, id LIMIT 1";
    Ok(sqlx::query_scalar(first).fetch_optional(conn).await?.unwrap_or_default())
}

/// The copy of before was killed after its last commit, or this is one too many: the data says which.
async fn already(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    from: &[Table],
    into: &[Table],
    report: Report<'_>,
) -> Result<Vec<(String, u64)>, CopyError> {
    match compare(source, target, from, into, &LEASED, report).await {
        Err(CopyError::Mismatch { table, .. }) => Err(CopyError::Occupied(table)),
        compared => compared,
    }
}

async fn copy_table(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    table: &Table,
    report: Report<'_>,
) -> Result<(), CopyError> {
    let sql = "SELECT after_key FROM unfinished_copy WHERE table_name = $1";
    let known: Option<String> = sqlx::query_scalar(sql).bind(&table.name).fetch_optional(&mut *target).await?;
    let mut after = match known {
        Some(text) => {
            report(Step::Rows(table.count(target).await?));
            Some(from_json(table, &text)?)
        }
        None => None,
    };
    loop {
        let rows = read_batch(source, table, after.as_deref()).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        let key: Vec<Value> = table.key().into_iter().map(|at| last[at].clone()).collect();
        let count = rows.len() as u64;
        write_batch(target, table, rows, &to_json(&key)?).await?;
        report(Step::Rows(count));
        after = Some(key);
    }
}

fn batch_rows(table: &Table) -> usize {
    let is_big = table.columns.iter().any(|column| column.kind == super::catalogue::Kind::Bytes);
    if is_big { BIG_ROWS } else { ROWS.min(VALUES / table.columns.len().max(1)) }
}

/// The next rows in the order of the primary key.
async fn read_batch(
    source: &mut AnyConnection,
    table: &Table,
    after: Option<&[Value]>,
) -> Result<Vec<Vec<Value>>, StoreError> {
    let names: Vec<&str> = table.key().into_iter().map(|at| table.columns[at].name.as_str()).collect();
    let key = names.join(", ");
    let places = |count: usize| (1..=count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
    let behind = match after {
        Some(values) => format!("WHERE ({key}) > ({})", places(values.len())),
        None => String::new(),
    };
    let (list, name, limit) = (table.list(), &table.name, batch_rows(table));
    let sql = format!("SELECT {list} FROM {name} {behind} ORDER BY {key} LIMIT {limit}");
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in after.unwrap_or_default() {
        query = bind(query, value.clone());
    }
    let rows = query.fetch_all(source).await?;
    rows.iter().map(|row| table.read(row)).collect()
}

/// Writes the rows, and up to where they go.
async fn write_batch(
    target: &mut AnyConnection,
    table: &Table,
    rows: Vec<Vec<Value>>,
    key: &str,
) -> Result<(), StoreError> {
    let columns = table.columns.len();
    let row = |at: usize| {
        let places: Vec<String> = (1..=columns).map(|column| format!("${}", at * columns + column)).collect();
        format!("({})", places.join(", "))
    };
    let places: Vec<String> = (0..rows.len()).map(row).collect();
    let sql = format!("INSERT INTO {} ({}) VALUES {}", table.name, table.list(), places.join(", "));
    let mut tx = target.begin().await?;
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in rows.into_iter().flatten() {
        query = bind(query, value);
    }
    query.execute(&mut *tx).await?;
    let sql = "INSERT INTO unfinished_copy (table_name, after_key) VALUES ($1, $2) \
         ON CONFLICT (table_name) DO UPDATE SET after_key = excluded.after_key";
    sqlx::query(sql).bind(&table.name).bind(key).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// A key as it is kept between two batches; no primary key has bytes or a NULL.
fn to_json(key: &[Value]) -> Result<String, StoreError> {
    let values = key.iter().map(|value| match value {
        Value::Text(Some(text)) => Ok(serde_json::Value::from(text.as_str())),
        Value::Number(Some(number)) => Ok(serde_json::Value::from(*number)),
        Value::Text(None) | Value::Number(None) | Value::Bytes(_) => Err(StoreError::Bug("an odd primary key".into())),
    });
    Ok(serde_json::to_string(&values.collect::<Result<Vec<_>, _>>()?)?)
}

fn from_json(table: &Table, text: &str) -> Result<Vec<Value>, StoreError> {
    let values: Vec<serde_json::Value> = serde_json::from_str(text)?;
    let value = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Ok(Value::Text(Some(text))),
        serde_json::Value::Number(number) => Ok(Value::Number(number.as_i64())),
        _ => Err(StoreError::Bug(format!("the copy's place in {} cannot be read", table.name))),
    };
    values.into_iter().map(value).collect()
}

/// Reads every table on both sides.
async fn compare(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    from: &[Table],
    into: &[Table],
    but: &[&str],
    report: Report<'_>,
) -> Result<Vec<(String, u64)>, CopyError> {
    let read = |rows| report(Step::Rows(rows));
    let mut compared = Vec::new();
    for table in from {
        let Some(twin) = into.iter().find(|twin| twin.name == table.name) else { continue };
        report(Step::Table(&table.name));
        let here: Content = table.content(source, &read).await?;
        let there: Content = twin.content(target, &read).await?;
        let is_same = here == there || (but.contains(&table.name.as_str()) && here.rows == there.rows);
        if !is_same {
            let (source_rows, target_rows) = (here.rows, there.rows);
            return Err(CopyError::Mismatch { table: table.name.clone(), source_rows, target_rows });
        }
        compared.push((table.name.clone(), here.rows));
    }
    Ok(compared)
}

/// The copy is whole: what ran when the source's last process died runs again, and nodes may start.
async fn end(target: &mut AnyConnection) -> Result<(), CopyError> {
    let mut tx = target.begin().await?;
    outbox::end_all_leases(&mut tx).await?;
    job::end_all_leases(&mut tx).await?;
    sqlx::query("DROP TABLE unfinished_copy").execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}
