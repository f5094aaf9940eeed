//! Lists of scans: filtered, in either order, and any page without walking to it where an index leads there.
//!
//! Ids are in the order of creation, so an id is the key of every order, a cursor, and a bound in time. A page comes as one
//! column of JSON: through sqlx that costs a third of what its rows would.

use super::scan::{ScanRecord, rank};
use super::scan_count::{self, Count};
use super::scan_page::{self, ListedScan, PAGE_POSTGRES, PAGE_SQLITE};
use super::{Dialect, StoreError};
use scanyard_contract::{Priority, ScanStatus, ScanType};
use sqlx::AnyConnection;
use uuid::Uuid;

/// What a list shows; none is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanFilter {
    pub scan_type: Option<ScanType>,
    pub status: Option<ScanStatus>,
    pub priority: Option<Priority>,
    /// A tag that the scan has.
    pub tag: Option<String>,
    /// The target, as it is stored.
    pub target: Option<String>,
    /// Created at this time or later, in epoch milliseconds.
    pub created_after: Option<i64>,
    /// Created before this time, in epoch milliseconds.
    pub created_before: Option<i64>,
}

impl ScanFilter {
    /// Whether the counters know how many scans match.
    fn is_counted(&self) -> bool {
        let ScanFilter { scan_type: _, status: _, priority: _, tag, target, created_after, created_before } = self;
        tag.is_none() && target.is_none() && created_after.is_none() && created_before.is_none()
    }

    /// Whether it is about what scans are counted by.
    fn has_cells(&self) -> bool {
        self.scan_type.is_some() || self.status.is_some() || self.priority.is_some()
    }
}

/// The order of a list, by creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    NewestFirst,
    OldestFirst,
}

impl Order {
    fn reversed(self) -> Order {
        match self {
            Order::NewestFirst => Order::OldestFirst,
            Order::OldestFirst => Order::NewestFirst,
        }
    }

    /// The direction of `ORDER BY` and the comparison that leads on from a scan.
    fn sql(self) -> (&'static str, &'static str) {
        match self {
            Order::NewestFirst => ("DESC", "<"),
            Order::OldestFirst => ("ASC", ">"),
        }
    }
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The items from this number on, from 0.
    Offset(u64),
    /// The scans behind this one, in the list's order.
    After(Uuid),
}

/// Part of a list.
#[derive(Debug, Clone)]
pub struct Listed {
    pub scans: Vec<ListedScan>,
    /// How many scans match; when that is not exact, at least so many.
    pub total: u64,
    pub total_is_exact: bool,
    /// Whether the list goes on behind this part.
    pub has_more: bool,
}

/// Up to here scans are counted one by one.
const COUNTED: u64 = 10_000;

/// A part of at most `limit` of a tenant's scans.
pub async fn list(
    conn: &mut AnyConnection,
    tenant_id: &str,
    filter: &ScanFilter,
    order: Order,
    window: Window,
    limit: u32,
) -> Result<Listed, StoreError> {
    let cells = if filter.has_cells() { Some(scan_count::cells(conn, tenant_id, filter).await?) } else { None };
    let source = Source { tenant_id, filter, cells: cells.as_deref() };
    let limit = u64::from(limit);
    if !filter.is_counted() {
        let counted = source.count(conn, Window::Offset(0), COUNTED + 1).await?;
        // One more than asked for tells whether there are more.
        let mut scans = source.read(conn, order, window, limit + 1).await?;
        let has_more = scans.len() as u64 > limit;
        scans.truncate(limit as usize);
        return Ok(Listed { scans, total: counted.min(COUNTED), total_is_exact: counted <= COUNTED, has_more });
    }
    let of_cells: Option<u64> = cells.as_ref().map(|cells| cells.iter().map(|cell| cell.scans).sum());
    match window {
        Window::Offset(offset @ 1..) => {
            let total = match of_cells {
                Some(total) => total,
                None => scan_count::total(conn, tenant_id, filter).await?,
            };
            let scans = source.read_at(conn, order, offset, limit, total).await?;
            Ok(Listed { scans, total, total_is_exact: true, has_more: offset + limit < total })
        }
        Window::Offset(0) | Window::After(_) => {
            let (all, mut scans) = source.page(conn, order, window, limit + 1, of_cells.is_none()).await?;
            let has_more = scans.len() as u64 > limit;
            scans.truncate(limit as usize);
            Ok(Listed { scans, total: of_cells.or(all).unwrap_or_default(), total_is_exact: true, has_more })
        }
    }
}

/// How many of the tenant's scans of the same status and priority are older than this one, counted up to `most`.
pub(super) async fn older(conn: &mut AnyConnection, scan: &ScanRecord, most: u64) -> Result<u64, StoreError> {
    let filter = ScanFilter { status: Some(scan.status), priority: Some(scan.priority), ..ScanFilter::default() };
    let cells = scan_count::cells(conn, &scan.tenant_id, &filter).await?;
    let source = Source { tenant_id: &scan.tenant_id, filter: &filter, cells: Some(&cells) };
    source.count(conn, Window::After(scan.id), most).await
}

/// The scans that a filter lets through.
struct Source<'a> {
    tenant_id: &'a str,
    filter: &'a ScanFilter,
    /// The combinations of type, status and priority that the filter asks for and that have scans; none when it asks for all.
    cells: Option<&'a [Count]>,
}

impl Source<'_> {
    /// A page by its number: from whichever end of the list is nearer.
    async fn read_at(
        &self,
        conn: &mut AnyConnection,
        order: Order,
        offset: u64,
        limit: u64,
        total: u64,
    ) -> Result<Vec<ListedScan>, StoreError> {
        let count = limit.min(total.saturating_sub(offset));
        if count == 0 {
            return Ok(Vec::new());
        }
        let behind = total - offset - count;
        if offset <= behind {
            return self.read(conn, order, Window::Offset(offset), count).await;
        }
        let mut scans = self.read(conn, order.reversed(), Window::Offset(behind), count).await?;
        scans.reverse();
        Ok(scans)
    }

    async fn read(
        &self,
        conn: &mut AnyConnection,
        order: Order,
        window: Window,
        limit: u64,
    ) -> Result<Vec<ListedScan>, StoreError> {
        Ok(self.page(conn, order, window, limit, false).await?.1)
    }

    /// Scans, and with them the number of all that the tenant has: in one statement, because each costs a way there and back.
    async fn page(
        &self,
        conn: &mut AnyConnection,
        order: Order,
        window: Window,
        limit: u64,
        with_total: bool,
    ) -> Result<(Option<u64>, Vec<ListedScan>), StoreError> {
        let dialect = Dialect::of(conn);
        let mut sql = Sql::new("SELECT CAST(");
        if with_total {
            let tenant = Bound::Text(self.tenant_id.to_string());
            sql.push("(SELECT SUM(scans) FROM scan_count WHERE tenant_id = ", tenant);
            sql.text.push(')');
        } else {
            sql.text.push_str("NULL");
        }
        sql.text.push_str(" AS BIGINT), ");
        sql.text.push_str(dialect.pick(PAGE_SQLITE, PAGE_POSTGRES));
        if !self.ids(&mut sql, dialect, order, window, limit) {
            return Ok((None, Vec::new()));
        }
        sql.text.push(')');
        let (total, page): (Option<i64>, Option<String>) = sql.fetch(conn).await?;
        let mut scans = scan_page::scans(page.as_deref().unwrap_or("[]"))?;
        if order == Order::NewestFirst {
            scans.reverse();
        }
        Ok((total.map(i64::unsigned_abs), scans))
    }

    /// How many scans match in the window, newest first, counted up to `most`.
    async fn count(&self, conn: &mut AnyConnection, window: Window, most: u64) -> Result<u64, StoreError> {
        let mut sql = Sql::new("SELECT COUNT(*) FROM (");
        if !self.ids(&mut sql, Dialect::of(conn), Order::NewestFirst, window, most) {
            return Ok(0);
        }
        sql.text.push_str(") AS matching");
        let (counted,): (i64,) = sql.fetch(conn).await?;
        Ok(counted.unsigned_abs())
    }

    /// Adds the query of the ids; `false` when there can be none.
    fn ids(&self, sql: &mut Sql, dialect: Dialect, order: Order, window: Window, limit: u64) -> bool {
        let (direction, _) = order.sql();
        let (offset, after) = match window {
            Window::Offset(offset) => (offset, None),
            Window::After(id) => (0, Some(id)),
        };
        let condition = |sql: &mut Sql| self.condition(sql, dialect, order, after);
        match self.cells {
            Some([]) => return false,
            Some(cells) if self.filter.target.is_none() && cells.len() > 1 => {
                sql.text.push_str("SELECT id FROM (");
                for (at, cell) in cells.iter().enumerate() {
                    sql.text.push_str(if at == 0 { "" } else { " UNION ALL " });
                    sql.text.push_str("SELECT id FROM (SELECT id FROM scan WHERE ");
                    condition(sql);
                    sql.cell(cell);
                    sql.text.push_str(&format!(" ORDER BY id {direction}"));
                    sql.push(" LIMIT +", Bound::Number((offset + limit) as i64));
                    sql.text.push_str(&format!(") AS c{at}"));
                }
                sql.text.push_str(") AS merged");
            }
            cells => {
                sql.text.push_str("SELECT id FROM scan WHERE ");
                condition(sql);
                match cells {
                    Some([cell]) if self.filter.target.is_none() => sql.cell(cell),
                    Some(_) => sql.words(self.filter),
                    None => {}
                }
            }
        }
        sql.text.push_str(&format!(" ORDER BY id {direction}"));
        sql.push(" LIMIT +", Bound::Number(limit as i64));
        sql.push(" OFFSET ", Bound::Number(offset as i64));
        true
    }

    /// Everything but type, status and priority.
    fn condition(&self, sql: &mut Sql, dialect: Dialect, order: Order, after: Option<Uuid>) {
        sql.push("tenant_id = ", Bound::Text(self.tenant_id.to_string()));
        let ScanFilter { tag, target, created_after, created_before, .. } = self.filter;
        if let Some(target) = target {
            sql.push(" AND target = ", Bound::Text(target.clone()));
        }
        if let Some(from) = created_after {
            sql.push(" AND id >= ", Bound::Text(first_id_of(*from)));
        }
        if let Some(to) = created_before {
            sql.push(" AND id < ", Bound::Text(first_id_of(*to)));
        }
        if let Some(after) = after {
            let (_, beyond) = order.sql();
            sql.push(&format!(" AND id {beyond} "), Bound::Text(after.to_string()));
        }
        if let Some(tag) = tag {
            let has = dialect.pick(
                " AND EXISTS (SELECT 1 FROM json_each(scan.tags) WHERE value = ",
                " AND EXISTS (SELECT 1 FROM json_array_elements_text(CAST(scan.tags AS json)) AS t (value) WHERE value = ",
            );
            sql.push(has, Bound::Text(tag.clone()));
            sql.text.push(')');
        }
    }
}

/// The least id that a scan of this time, in epoch milliseconds, can have.
fn first_id_of(at: i64) -> String {
    const LAST_MS: i64 = (1 << 48) - 1;
    Uuid::from_u128((at.clamp(0, LAST_MS) as u128) << 80).to_string()
}

enum Bound {
    Text(String),
    Number(i64),
}

/// A statement with its parameters; its text is made of literals of ours.
struct Sql {
    text: String,
    bounds: Vec<Bound>,
}

impl Sql {
    fn new(text: &str) -> Sql {
        Sql { text: text.to_string(), bounds: Vec::new() }
    }

    /// Adds text that ends in a parameter.
    fn push(&mut self, text: &str, bound: Bound) {
        self.bounds.push(bound);
        self.text.push_str(&format!("{text}${}", self.bounds.len()));
    }

    /// Only one combination, which the index `scan_of_cell` leads to.
    fn cell(&mut self, cell: &Count) {
        self.push(" AND scan_type = ", Bound::Text(cell.scan_type.as_str().to_string()));
        self.push(" AND status = ", Bound::Text(cell.status.as_str().to_string()));
        self.push(" AND priority = ", Bound::Number(rank(cell.priority)));
    }

    /// The same for scans of one target, as expressions: no index knows those, so the one of targets is taken.
    fn words(&mut self, filter: &ScanFilter) {
        if let Some(scan_type) = filter.scan_type {
            self.push(" AND scan_type || '' = ", Bound::Text(scan_type.as_str().to_string()));
        }
        if let Some(status) = filter.status {
            self.push(" AND status || '' = ", Bound::Text(status.as_str().to_string()));
        }
        if let Some(priority) = filter.priority {
            self.push(" AND priority + 0 = ", Bound::Number(rank(priority)));
        }
    }

    async fn fetch<T>(self, conn: &mut AnyConnection) -> Result<T, StoreError>
    where
        T: Send + Unpin + for<'r> sqlx::FromRow<'r, sqlx::any::AnyRow>,
    {
        let mut query = sqlx::query_as::<_, T>(sqlx::AssertSqlSafe(self.text));
        for bound in self.bounds {
            query = match bound {
                Bound::Text(text) => query.bind(text),
                Bound::Number(number) => query.bind(number),
            };
        }
        Ok(query.fetch_one(conn).await?)
    }
}
