//! How each service pages its lists.

use scanyard_contract::Service;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum At {
    /// By number.
    Page(u64),
    /// By the number of items before it.
    Offset(u64),
    /// By what the service said, such as ZDX.
    Token(String),
}

/// A service's way to page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paging {
    /// Bare arrays; `page` from 1 and a size by this name. A page that is not full is the last.
    Numbered { size: &'static str },
    /// `{totalPages, totalCount, list}`.
    Zpa,
    /// `{results_total, pageOffset, pageSize, records}`.
    Records,
    /// `{items, next_offset}`.
    Items,
    /// `{results, total_results, next_page}`.
    Results,
    /// `{content, totalPages}`, counted from 0.
    Content,
}

/// What a page holds, and where the next one begins.
#[derive(Debug, PartialEq)]
pub(super) struct Read {
    pub items: Vec<Value>,
    pub next: Option<At>,
}

/// What tells a page of ZPA's from anything else.
const PAGED: [&str; 2] = ["totalPages", "totalCount"];

fn paging(service: Service) -> Paging {
    match service {
        Service::Zpa => Paging::Zpa,
        Service::Zidentity => Paging::Records,
        Service::Zdx => Paging::Items,
        Service::Easm => Paging::Results,
        Service::Zcell => Paging::Content,
        Service::Zia
        | Service::Cbc
        | Service::Zcc
        | Service::Bi
        | Service::Zwa
        | Service::Graphql
        | Service::Common
        | Service::Aurora
        | Service::Ticket
        | Service::Organizations
        | Service::DataRetrieval
        | Service::Reports => Paging::Numbered { size: "pageSize" },
    }
}

/// The parameter for the size of a page, and the sizes that the service gives, as far as is known.
pub(super) fn sizes(service: Service) -> (&'static str, RangeInclusive<u64>) {
    match paging(service) {
        Paging::Numbered { size } => (size, 1..=1000),
        Paging::Records => ("limit", 100..=1000),
        Paging::Zpa => ("pagesize", 1..=500),
        Paging::Items => ("limit", 1..=100),
        Paging::Results => ("page_size", 1..=100),
        Paging::Content => ("size", 1..=100),
    }
}

/// Where the first page begins.
pub(super) fn first(service: Service) -> At {
    match paging(service) {
        Paging::Numbered { .. } | Paging::Zpa | Paging::Results => At::Page(1),
        Paging::Content => At::Page(0),
        Paging::Records => At::Offset(0),
        Paging::Items => At::Token(String::new()),
    }
}

/// The parameters that ask for a page.
pub(super) fn query(service: Service, at: &At, size: u64) -> Vec<(&'static str, String)> {
    let size = size.to_string();
    match (paging(service), at) {
        (Paging::Numbered { size: name }, At::Page(page)) => vec![("page", page.to_string()), (name, size)],
        (Paging::Zpa, At::Page(page)) => vec![("page", page.to_string()), ("pagesize", size)],
        (Paging::Content, At::Page(page)) => vec![("page", page.to_string()), ("size", size)],
        (_, At::Offset(offset)) => vec![("offset", offset.to_string()), ("limit", size)],
        (Paging::Items, At::Token(token)) if token.is_empty() => vec![("limit", size)],
        (_, At::Token(token)) => vec![("offset", token.clone()), ("limit", size)],
        (_, At::Page(page)) => vec![("page", page.to_string()), ("page_size", size)],
    }
}

/// Reads a page; the error says what is wrong with it. Version 2 of ZCC says its total, which version 1 does not.
pub(super) fn read(service: Service, at: &At, size: u64, body: Value) -> Result<Read, &'static str> {
    let mut object = match body {
        Value::Array(items) => {
            // A service that pays no heed to paging gives everything at once.
            let is_full = items.len() as u64 == size;
            return Ok(Read { items, next: at.next_page().filter(|_| is_full) });
        }
        Value::Object(object) => object,
        // An empty list of ZIA's can be an empty body.
        Value::Null => return Ok(Read { items: Vec::new(), next: None }),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => return Err("the page is neither a list nor an object"),
    };
    let paging = paging(service);
    let name = match paging {
        Paging::Numbered { .. } | Paging::Items => "items",
        Paging::Zpa => "list",
        Paging::Records => "records",
        Paging::Results => "results",
        Paging::Content => "content",
    };
    let items = match object.remove(name) {
        Some(Value::Array(items)) => items,
        // ZPA leaves the list out when it is empty, and says its pages nevertheless.
        None | Some(Value::Null) if paging == Paging::Zpa && PAGED.iter().any(|name| object.contains_key(*name)) => {
            Vec::new()
        }
        Some(_) | None => return Err("the page holds no list"),
    };
    let next = match paging {
        Paging::Zpa => at.next_page().filter(|next| next.is_within(number(&object, "totalPages"))),
        Paging::Content => at.next_page().filter(|next| next.is_before(number(&object, "totalPages"))),
        Paging::Records => offset(at, &items, number(&object, "results_total")),
        Paging::Numbered { .. } => match number(&object, "total") {
            Some(total) => {
                let read = number(&object, "offset").unwrap_or(0).saturating_add(items.len() as u64);
                at.next_page().filter(|_| !items.is_empty() && read < total)
            }
            None => at.next_page().filter(|_| items.len() as u64 == size),
        },
        Paging::Items => text(&object, "next_offset").map(At::Token),
        Paging::Results => number(&object, "next_page").map(At::Page),
    };
    // What points at itself has no end.
    Ok(Read { items, next: next.filter(|next| next != at) })
}

impl At {
    fn next_page(&self) -> Option<At> {
        match self {
            At::Page(page) => page.checked_add(1).map(At::Page),
            At::Offset(_) | At::Token(_) => None,
        }
    }

    fn is_within(&self, pages: Option<u64>) -> bool {
        matches!((self, pages), (At::Page(page), Some(pages)) if *page <= pages)
    }

    fn is_before(&self, pages: Option<u64>) -> bool {
        matches!((self, pages), (At::Page(page), Some(pages)) if *page < pages)
    }
}

fn offset(at: &At, items: &[Value], total: Option<u64>) -> Option<At> {
    let At::Offset(offset) = at else { return None };
    let read = offset.checked_add(items.len() as u64)?;
    (!items.is_empty() && total.is_some_and(|total| read < total)).then_some(At::Offset(read))
}

/// A number, also as a text.
fn number(object: &Map<String, Value>, name: &str) -> Option<u64> {
    let value = object.get(name)?;
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn next(service: Service, at: At, body: Value) -> Option<At> {
        read(service, &at, 2, body).unwrap().next
    }

    #[test]
    fn a_list_of_zia_ends_with_a_page_that_is_not_full() {
        assert_eq!(next(Service::Zia, At::Page(1), json!([1, 2])), Some(At::Page(2)));
        assert_eq!(next(Service::Zia, At::Page(2), json!([3])), None);
        assert_eq!(next(Service::Zia, At::Page(1), json!([1, 2, 3])), None);
        assert_eq!(next(Service::Zia, At::Page(1), Value::Null), None);
    }

    #[test]
    fn zpa_says_its_pages_as_a_text() {
        assert_eq!(next(Service::Zpa, At::Page(1), json!({"totalPages": "2", "list": [1]})), Some(At::Page(2)));
        assert_eq!(next(Service::Zpa, At::Page(2), json!({"totalPages": "2", "list": [2]})), None);
        assert_eq!(next(Service::Zpa, At::Page(1), json!({"totalPages": "0"})), None);
        assert!(read(Service::Zpa, &At::Page(1), 2, json!({"id": "1", "name": "one"})).is_err());
        assert!(read(Service::Zidentity, &At::Offset(0), 2, json!({"results_total": 1})).is_err());
    }

    #[test]
    fn the_others_page_in_their_own_ways() {
        let zcc = json!({"items": [1, 2], "total": 3, "offset": 0, "limit": 2, "count": 2});
        assert_eq!(next(Service::Zcc, At::Page(1), zcc), Some(At::Page(2)));
        let records = json!({"results_total": 3, "pageOffset": 0, "records": [1, 2]});
        assert_eq!(next(Service::Zidentity, At::Offset(0), records), Some(At::Offset(2)));
        assert_eq!(next(Service::Zidentity, At::Offset(2), json!({"results_total": 3, "records": [3]})), None);
        let zdx = |next| json!({"items": [1], "next_offset": next});
        assert_eq!(next(Service::Zdx, At::Token(String::new()), zdx(Some("a"))), Some(At::Token("a".to_string())));
        assert_eq!(next(Service::Zdx, At::Token("a".to_string()), zdx(Some("a"))), None);
        assert_eq!(next(Service::Zdx, At::Token("a".to_string()), zdx(None)), None);
        assert_eq!(next(Service::Zcell, At::Page(0), json!({"content": [1], "totalPages": 2})), Some(At::Page(1)));
        assert_eq!(next(Service::Zcell, At::Page(1), json!({"content": [1], "totalPages": 2})), None);
        assert_eq!(next(Service::Easm, At::Page(1), json!({"results": [1], "next_page": 2})), Some(At::Page(2)));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "[0-9a-z]{0,4}".prop_map(Value::from),
            prop::collection::vec(any::<u8>().prop_map(Value::from), 0..4).prop_map(Value::from),
        ];
        let names = [
            "items",
            "list",
            "records",
            "results",
            "content",
            "totalPages",
            "total",
            "results_total",
            "next_offset",
            "next_page",
            "offset",
        ];
        prop::collection::vec((prop::sample::select(names.to_vec()), leaf), 0..6).prop_map(|members| {
            Value::Object(members.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
        })
    }

    proptest! {
        #[test]
        fn any_page_can_be_read_and_never_points_at_itself(body in any_json(), page in any::<u64>(), size in 1u64..1000) {
            for service in Service::ALL {
                for at in [At::Page(page), At::Offset(page), At::Token(page.to_string())] {
                    if let Ok(read) = read(*service, &at, size, body.clone()) {
                        prop_assert_ne!(read.next, Some(at.clone()));
                    }
                    query(*service, &at, size);
                }
            }
        }
    }
}
