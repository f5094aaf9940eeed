//! Lists of scans: every page of every filter in both orders is the page of the plain list.

use crate::{BEGIN, Fixture, new_scan};
use scanyard_contract::{Priority, ScanStatus, ScanType};
use scanyard_server::scan::new_id;
use scanyard_server::store::scan::ScanRecord;
use scanyard_server::store::scan_count::{self, Cell};
use scanyard_server::store::scan_list::{Listed, Order, ScanFilter, Window, list};
use scanyard_server::store::scan_page::ListedScan;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Stores scans of many kinds, as if they had run; oldest first.
async fn many(t: &Fixture) -> Vec<ScanRecord> {
    let mut scans = Vec::new();
    for at in 0..60_usize {
        let mut new = new_scan("a", Priority::ALL[at % 3]);
        let scan = &mut new.scan;
        scan.created_at = BEGIN + (at / 4) as i64;
        scan.id = new_id(scan.created_at);
        scan.scan_type = ScanType::ALL[at % 2];
        scan.status = ScanStatus::ALL[at % 5];
        scan.target = format!("10.0.0.{}", at % 7);
        scan.tags = [vec!["ci".to_string()], vec!["a,".into(), ",b".into()], vec![]][at % 3].clone();
        scan.callback_url = (at % 2 == 0).then(|| "https://hooks.example.test/".to_string());
        scans.push(new.scan.clone());
        t.submit(new).await;
    }
    t.submit(new_scan("b", Priority::Normal)).await;
    scans
}

fn matches(filter: &ScanFilter, scan: &ScanRecord) -> bool {
    filter.scan_type.is_none_or(|scan_type| scan.scan_type == scan_type)
        && filter.status.is_none_or(|status| scan.status == status)
        && filter.priority.is_none_or(|priority| scan.priority == priority)
        && filter.tag.as_ref().is_none_or(|tag| scan.tags.contains(tag))
        && filter.target.as_ref().is_none_or(|target| scan.target == *target)
        && filter.created_after.is_none_or(|from| scan.created_at >= from)
        && filter.created_before.is_none_or(|to| scan.created_at < to)
}

fn filters() -> Vec<ScanFilter> {
    let none = ScanFilter::default();
    let low_ci = ScanFilter { tag: Some("ci".into()), priority: Some(Priority::Critical), ..none.clone() };
    let of_target = ScanFilter { target: Some("10.0.0.3".into()), ..none.clone() };
    let between = ScanFilter { created_after: Some(BEGIN + 3), created_before: Some(BEGIN + 9), ..none.clone() };
    vec![
        ScanFilter { scan_type: Some(ScanType::ALL[1]), ..none.clone() },
        ScanFilter { scan_type: Some(ScanType::Sentinel), ..none.clone() },
        ScanFilter { status: Some(ScanStatus::Completed), ..none.clone() },
        ScanFilter { status: Some(ScanStatus::Queued), priority: Some(Priority::High), ..none.clone() },
        ScanFilter { priority: Some(Priority::Low), ..none.clone() },
        ScanFilter { tag: Some(",".into()), ..none.clone() },
        ScanFilter { tag: Some("a,".into()), ..none.clone() },
        ScanFilter { status: Some(ScanStatus::Failed), scan_type: Some(ScanType::ALL[0]), ..of_target.clone() },
        ScanFilter { created_before: Some(BEGIN + 5), ..of_target.clone() },
        ScanFilter { status: Some(ScanStatus::Running), ..between.clone() },
        ScanFilter { created_after: Some(-5), created_before: Some(i64::MAX), ..none.clone() },
        ScanFilter { created_after: Some(i64::MAX), ..none.clone() },
        low_ci,
        of_target,
        between,
        none,
    ]
}

/// The scans as a client reads them, the total and whether it is exact, and whether there are more.
fn shown(listed: &Listed) -> (Vec<Value>, u64, bool, bool) {
    let scan = |scan: &ListedScan| serde_json::from_str(scan.json.get()).unwrap();
    (listed.scans.iter().map(scan).collect(), listed.total, listed.total_is_exact, listed.has_more)
}

#[tokio::test]
async fn every_page_of_every_filter_is_that_of_the_plain_list() {
    let t = Fixture::new().await;
    let stored = many(&t).await;
    let mut conn = t.store.read().await.unwrap();
    for (filter, order) in filters().iter().flat_map(|f| [(f, Order::NewestFirst), (f, Order::OldestFirst)]) {
        let mut expected: Vec<ScanRecord> = stored.iter().filter(|scan| matches(filter, scan)).cloned().collect();
        if order == Order::NewestFirst {
            expected.reverse();
        }
        let total = expected.len() as u64;
        let mut after = None;
        for offset in (0..total + 14).step_by(7) {
            let page: Vec<ScanRecord> = expected.iter().skip(offset as usize).take(7).cloned().collect();
            let is = (page.iter().map(|scan| json!(scan.to_wire())).collect(), total, true, offset + 7 < total);
            let by_number = list(&mut conn, "a", filter, order, Window::Offset(offset), 7).await.unwrap();
            assert_eq!(shown(&by_number), is, "{filter:?} {order:?} {offset}");
            if let Some(after) = after {
                let by_cursor = list(&mut conn, "a", filter, order, Window::After(after), 7).await.unwrap();
                assert_eq!(shown(&by_cursor), is, "{filter:?} {order:?} after {offset}");
            }
            after = page.last().map(|last| last.id).or(after);
        }
    }
}

#[tokio::test]
async fn a_page_by_cursor_goes_on_where_the_last_one_ended_while_scans_come_in() {
    let t = Fixture::new().await;
    let stored = many(&t).await;
    let mut conn = t.store.read().await.unwrap();
    let all = ScanFilter::default();
    let first = list(&mut conn, "a", &all, Order::NewestFirst, Window::Offset(0), 10).await.unwrap();
    t.submit(new_scan("a", Priority::Normal)).await;
    let last = first.scans.last().unwrap().id;
    let second = list(&mut conn, "a", &all, Order::NewestFirst, Window::After(last), 10).await.unwrap();
    let ids: Vec<_> = second.scans.iter().map(|scan| scan.id).collect();
    assert_eq!(ids, stored.iter().rev().skip(10).take(10).map(|scan| scan.id).collect::<Vec<_>>());
    assert_eq!(second.total, 61);
}

#[tokio::test]
async fn scans_that_no_counter_knows_are_counted_to_ten_thousand() {
    let t = Fixture::new().await;
    let scan = t.submit(new_scan("a", Priority::Normal)).await;
    let copies = "INSERT INTO scan (id, tenant_id, api_key_id, scan_type, source, target, target_type, priority, status, progress, tags, \
         options, config, timeout_s, attempts, created_at) \
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10001) \
         SELECT '00000000-0000-7000-8000-' || substr(CAST(1000000000000 + n AS text), 2), tenant_id, api_key_id, scan_type, source, target, \
         target_type, priority, status, progress, tags, options, config, timeout_s, attempts, 0 FROM n, scan WHERE id = $1";
    let copied = t.store.write(move |conn| {
        Box::pin(async move { Ok(sqlx::query(copies).bind(scan.to_string()).execute(conn).await?.rows_affected()) })
    });
    assert_eq!(copied.await.unwrap(), 10_001);
    let counts = BTreeMap::from([(Cell::of(&new_scan("a", Priority::Normal).scan), 10_001)]);
    t.store.write(move |conn| Box::pin(async move { scan_count::add(conn, &counts).await })).await.unwrap();
    let mut conn = t.store.read().await.unwrap();
    let tagged = ScanFilter { tag: Some("ci".into()), ..ScanFilter::default() };
    let page = list(&mut conn, "a", &tagged, Order::NewestFirst, Window::Offset(0), 5).await.unwrap();
    assert_eq!((page.total, page.total_is_exact, page.has_more, page.scans.len()), (10_000, false, true, 5));
    let all =
        list(&mut conn, "a", &ScanFilter::default(), Order::NewestFirst, Window::Offset(10_001), 5).await.unwrap();
    assert_eq!((all.total, all.total_is_exact, all.has_more, all.scans.len()), (10_002, true, false, 1));
}
