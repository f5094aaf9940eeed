//! Which part of a list a request asks for.

use crate::error::ApiError;
use crate::http::query::Params;
use crate::store::Start;
use scanyard_contract::Code;
use scanyard_contract::wire::Pagination;
use uuid::Uuid;

/// Items on a page when `limit` is absent.
const DEFAULT_LIMIT: u32 = 20;
/// The most items on a page.
const MAX_LIMIT: u32 = 100;

/// The names of the parameters that [`PageQuery::read`] reads.
pub const PARAMETERS: [&str; 3] = ["page", "limit", "cursor"];

/// The part of a list that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// 1 to 100.
    pub limit: u32,
    pub at: At,
}

/// Where the page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// The number of the page, from 1.
    Number(u32),
    /// After what the last page's `nextCursor` says.
    Cursor(String),
}

impl PageQuery {
    /// Reads `page`, `limit` and `cursor`; a cursor excludes a page.
    pub fn read(params: &Params) -> Result<PageQuery, ApiError> {
        let page = match params.text("page") {
            None => None,
            Some(text) => Some(number(text).filter(|page| *page >= 1).ok_or_else(|| {
                ApiError::new(Code::InvalidPage).detail("page", format!("must be 1 to {}, without sign", u32::MAX))
            })?),
        };
        let limit = match params.text("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => number(text).filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
                ApiError::new(Code::InvalidLimit).detail("limit", format!("must be 1 to {MAX_LIMIT}, without sign"))
            })?,
        };
        match (page, params.text("cursor")) {
            (page, None) => Ok(PageQuery { limit, at: At::Number(page.unwrap_or(1)) }),
            (None, Some(cursor)) => Ok(PageQuery { limit, at: At::Cursor(cursor.to_string()) }),
            (Some(_), Some(_)) => Err(bad_cursor("excludes page: send one of the two")),
        }
    }

    /// Where the page begins in a list whose cursor is the id of the last item: `prefix` and a UUID.
    pub fn start(&self, prefix: &str) -> Result<Start, ApiError> {
        match &self.at {
            At::Number(page) => Ok(Start { offset: i64::from(page - 1) * i64::from(self.limit), ..Start::default() }),
            At::Cursor(cursor) => {
                let uuid = cursor.strip_prefix(prefix).filter(|rest| rest.len() == 36);
                if uuid.is_none_or(|uuid| Uuid::try_parse(uuid).is_err()) {
                    return Err(bad_cursor("is not a nextCursor of this list"));
                }
                Ok(Start { before: cursor.to_ascii_lowercase(), ..Start::default() })
            }
        }
    }

    /// Cuts the one item off that was read beyond the page, and gives the cursor for it.
    pub fn cut<T>(&self, items: &mut Vec<T>, id: impl Fn(&T) -> String) -> Option<String> {
        let has_more = items.len() > self.limit as usize;
        items.truncate(self.limit as usize);
        items.last().filter(|_| has_more).map(id)
    }

    /// Where this page stands in a list of `total` items.
    pub fn pagination(&self, total: u64, next_cursor: Option<String>) -> Pagination {
        Pagination {
            page: match self.at {
                At::Number(page) => Some(page),
                At::Cursor(_) => None,
            },
            limit: self.limit,
            total,
            total_pages: total.div_ceil(u64::from(self.limit)),
            total_is_exact: true,
            next_cursor,
        }
    }
}

/// A cursor that no list of ours gave out.
pub fn bad_cursor(reason: &str) -> ApiError {
    ApiError::new(Code::InvalidParameter).with("parameter", "cursor").detail("cursor", reason)
}

/// Decimal digits alone: Rust's own parser would also take `+1`.
fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::query::Query;

    fn read(query: &str) -> Result<PageQuery, Code> {
        let params = Query::of(query).only(&PARAMETERS).map_err(|error| error.code)?;
        PageQuery::read(&params).map_err(|error| error.code)
    }

    #[test]
    fn pages_and_limits_outside_their_range_are_refused() {
        for page in ["0", "-1", "+1", "x", "", "1.5", "4294967296", "99999999999999999999", "１"] {
            assert_eq!(read(&format!("page={page}")), Err(Code::InvalidPage), "{page}");
        }
        assert_eq!(read("page=%31%00"), Err(Code::InvalidParameter), "no text that can be stored");
        for limit in ["0", "101", "-1", "+1", "x", "", "1e1", "99999999999999999999"] {
            assert_eq!(read(&format!("limit={limit}")), Err(Code::InvalidLimit), "{limit}");
        }
        assert_eq!(read("page=4294967295&limit=100").unwrap().at, At::Number(u32::MAX));
        assert_eq!(read("").unwrap(), PageQuery { limit: 20, at: At::Number(1) });
    }

    #[test]
    fn a_cursor_excludes_a_page() {
        assert_eq!(read("cursor=x&page=1"), Err(Code::InvalidParameter));
        assert_eq!(read("cursor=x&limit=3").unwrap(), PageQuery { limit: 3, at: At::Cursor("x".into()) });
    }
}
