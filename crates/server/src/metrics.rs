//! What this node counts, for Prometheus: every metric by name, unit and meaning, and the gauges that are read off when
//! somebody asks. Labels are words of ours: never a tenant, a target or a key.

use crate::App;
use crate::store::{StoreError, outbox};
use anyhow::Context;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use scanyard_contract::status::{Condition, Status};
use scanyard_contract::webhook::DisabledReason;
use scanyard_contract::{ScanStatus, ScanType};
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Bounds of requests and writes, in seconds.
const SHORT: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Bounds of scans and their waiting, in seconds.
const LONG: [f64; 12] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0];

/// The process has one recorder, however many nodes a test starts in it.
pub fn recorder() -> anyhow::Result<PrometheusHandle> {
    static RECORDER: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    RECORDER.get_or_init(install).clone().map_err(anyhow::Error::msg).context("setting up metrics")
}

fn install() -> Result<PrometheusHandle, String> {
    let builder = PrometheusBuilder::new()
        .set_buckets(&SHORT)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Prefix("scanyard_scan_".into()), &LONG))
        .map_err(|error| error.to_string())?;
    let handle = builder.install_recorder().map_err(|error| error.to_string())?;
    describe();
    begin();
    Ok(handle)
}

fn describe() {
    describe_counter!("scanyard_http_requests_total", "Requests answered, by method, route and status");
    describe_histogram!("scanyard_http_request_seconds", Unit::Seconds, "Time to answer a request, by route");
    describe_counter!("scanyard_calls_not_logged_total", "Calls that are missing in the log of calls");
    describe_counter!("scanyard_scans_submitted_total", "Scans accepted here, by scan type");
    describe_counter!("scanyard_scans_ended_total", "Runs stored here, by scan type, status and reason of a failure");
    describe_counter!("scanyard_scans_taken_back_total", "Scans taken back from workers that were lost");
    describe_counter!("scanyard_results_refused_total", "Ends of runs that were refused because the lease was lost");
    describe_histogram!("scanyard_scan_wait_seconds", Unit::Seconds, "Time from submission to start, by priority");
    describe_histogram!("scanyard_scan_run_seconds", Unit::Seconds, "Time from start to end, by scan type");
    describe_gauge!("scanyard_runs", "Scans that run on this node");
    describe_gauge!("scanyard_runs_capacity", "Scans that can run on this node at the same time");
    describe_gauge!("scanyard_queue_scans", "Scans that wait, on all nodes together");
    describe_gauge!("scanyard_queue_limit", "Scans that may wait");
    describe_gauge!("scanyard_workers", "Workers that give signs of life");
    describe_gauge!("scanyard_workers_capacity", "Scans that those workers can run at the same time");
    describe_gauge!("scanyard_part_condition", "How a part of the instance works: 0 ok, 1 degraded, 2 down");
    describe_gauge!("scanyard_event_streams", "Streams of live events open on this node");
    describe_gauge!(
        "scanyard_database_breaker_open",
        "1 while this node asks the database nothing, because it does not answer or takes no writes"
    );
    describe_counter!("scanyard_database_breaker_opened_total", "How often the database stopped answering this node");
    describe_gauge!("scanyard_write_queue_operations", "Writes that wait for the database on this node");
    describe_counter!("scanyard_database_errors_total", "Operations that the database did not do, by kind");
    describe_counter!("scanyard_webhook_attempts_total", "Attempts of deliveries, by outcome");
    describe_counter!("scanyard_webhooks_disabled_total", "Webhooks disabled, by reason");
    describe_counter!(
        "scanyard_kafka_messages_total",
        "Messages that Kafka took from this node or not, by kind and outcome"
    );
    describe_counter!(
        "scanyard_kafka_bytes_total",
        "Bytes of keys and payloads that Kafka took from this node, by kind"
    );
    describe_counter!("scanyard_kafka_hints_received_total", "Hints that this node's worker heard");
    describe_gauge!("scanyard_kafka_outbox_rows", "Moves that Kafka has not been told of, on all nodes together");
    describe_gauge!(
        "scanyard_kafka_outbox_limit",
        "Moves that Kafka may not have been told of before submissions are refused"
    );
    describe_gauge!("scanyard_kafka_hints_failing", "1 while this node's worker cannot listen to hints");
    describe_gauge!("scanyard_kafka_breaker_open", "1 while Kafka takes no messages from this node");
    describe_gauge!("scanyard_deliveries_waiting", "Deliveries that are not over, on all nodes together");
    describe_gauge!(
        "scanyard_delivery_oldest_seconds",
        Unit::Seconds,
        "How long the delivery that is due longest is due"
    );
    describe_gauge!("scanyard_build_info", "1, with the version of this node as its label");
}

/// Counters of what is rare begin at 0: Prometheus takes the first number that it sees for the beginning, and an alert on
/// the increase would miss the first event.
fn begin() {
    metrics::counter!("scanyard_scans_taken_back_total").increment(0);
    metrics::counter!("scanyard_results_refused_total").increment(0);
    metrics::counter!("scanyard_calls_not_logged_total").increment(0);
    metrics::counter!("scanyard_database_breaker_opened_total").increment(0);
    for reason in DisabledReason::ALL {
        metrics::counter!("scanyard_webhooks_disabled_total", "reason" => reason.as_str()).increment(0);
    }
}

/// Counts answers. What counts them is found by its labels once and kept: the labels are texts to be made, and finding it
/// takes longer than counting.
#[derive(Debug, Default)]
pub struct Answers(Mutex<HashMap<String, OfRoute>>);

/// What counts the answers of one route.
#[derive(Debug)]
struct OfRoute {
    seconds: metrics::Histogram,
    /// By method and status.
    total: HashMap<(&'static str, u16), metrics::Counter>,
}

impl Answers {
    /// Counts an answer and how long it took.
    pub fn count(&self, method: &'static str, route: &str, status: u16, seconds: f64) {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !routes.contains_key(route) {
            let seconds = metrics::histogram!("scanyard_http_request_seconds", "route" => route.to_string());
            routes.insert(route.to_string(), OfRoute { seconds, total: HashMap::new() });
        }
        let Some(of_route) = routes.get_mut(route) else { return };
        of_route.seconds.record(seconds);
        let total = of_route.total.entry((method, status)).or_insert_with(|| {
            let labels = [("method", method.to_string()), ("route", route.to_string()), ("status", status.to_string())];
            metrics::counter!("scanyard_http_requests_total", &labels)
        });
        total.increment(1);
    }
}

/// Counts the end of a scan; without a failure the reason is empty.
pub fn ended(scan_type: ScanType, status: ScanStatus, reason: &'static str) {
    let labels = [("scan_type", scan_type.as_str()), ("status", status.as_str()), ("reason", reason)];
    metrics::counter!("scanyard_scans_ended_total", &labels).increment(1);
}

/// What a scrape shows: the counters as they are, and the gauges as of now.
pub async fn render(app: &App) -> String {
    let status = crate::status::look(app).await;
    parts(&status);
    metrics::gauge!("scanyard_runs").set(app.runs.count() as f64);
    metrics::gauge!("scanyard_runs_capacity").set(f64::from(app.config.worker.concurrency));
    metrics::gauge!("scanyard_event_streams").set(app.live.count() as f64);
    metrics::gauge!("scanyard_write_queue_operations").set(app.store.waiting_writes() as f64);
    metrics::gauge!("scanyard_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    if let Some(kafka) = app.queue.kafka() {
        metrics::gauge!("scanyard_kafka_outbox_limit").set(kafka.backlog().limit() as f64);
    }
    app.metrics.run_upkeep();
    app.metrics.render()
}

fn parts(status: &Status) {
    let parts = [
        ("api", &status.api),
        ("database", &status.database),
        ("queue", &status.queue.part),
        ("workers", &status.workers.part),
        ("engines", &status.engines.part),
    ];
    for (name, part) in parts {
        let condition = match part.status {
            Condition::Ok => 0.0,
            Condition::Degraded => 1.0,
            Condition::Down => 2.0,
        };
        metrics::gauge!("scanyard_part_condition", "part" => name).set(condition);
    }
    metrics::gauge!("scanyard_queue_limit").set(status.queue.max_backlog as f64);
    let known = [
        ("scanyard_queue_scans", status.queue.backlog),
        ("scanyard_workers", status.workers.processes),
        ("scanyard_workers_capacity", status.workers.capacity),
    ];
    for (name, value) in known {
        // What is not known while the database does not answer is no number, and no old one either.
        metrics::gauge!(name).set(value.map_or(f64::NAN, |value| value as f64));
    }
}

/// Looks how many deliveries wait; a walk over all of them, so not for every scrape.
pub async fn look_at_deliveries(app: &App) -> Result<(), StoreError> {
    let now = app.store.now().await?;
    let (waiting, due_at) = outbox::waiting(&mut *app.store.read().await?).await?;
    metrics::gauge!("scanyard_deliveries_waiting").set(waiting as f64);
    let late = due_at.map_or(0.0, |due_at| seconds(due_at, now).as_secs_f64());
    metrics::gauge!("scanyard_delivery_oldest_seconds").set(late);
    Ok(())
}

/// Counts what the database did not do.
pub fn failed(error: &StoreError) {
    let kind = match error {
        StoreError::QueueFull => "queue_full",
        StoreError::Duplicate => return,
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Bug(_) => "bug",
    };
    metrics::counter!("scanyard_database_errors_total", "kind" => kind).increment(1);
}

/// How long it is from one time to a later one.
pub fn seconds(from_ms: i64, to_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(to_ms - from_ms).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The names of metrics in a text, without what Prometheus adds to those of histograms.
    fn names(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
        let words = words.filter(|word| word.starts_with("scanyard_"));
        words
            .map(|word| ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word))
            .collect()
    }

    fn read(path: &str) -> String {
        std::fs::read_to_string(format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    fn described() -> BTreeSet<&'static str> {
        let source = include_str!("metrics.rs");
        let lines = source.split("describe_").skip(1).filter_map(|rest| rest.split('"').nth(1));
        lines.filter(|name| name.starts_with("scanyard_")).collect()
    }

    #[test]
    fn counters_whose_increase_is_watched_begin_at_zero() {
        let shown = super::recorder().unwrap().render();
        let watched = read("deploy/prometheus/alerts.yml") + &read("deploy/grafana/scanyard.json");
        let watched: Vec<&str> =
            watched.split("increase(").skip(1).filter_map(|rest| rest.split(['[', '{']).next()).collect();
        assert!(watched.len() > 3);
        for name in watched {
            assert!(shown.lines().any(|line| line.starts_with(name)), "{name} is not in {shown}");
        }
    }

    #[test]
    fn every_metric_is_in_the_manual_for_operators() {
        let manual = read("docs/OPERATIONS.md");
        let missing: Vec<&str> = described().difference(&names(&manual)).copied().collect();
        assert!(missing.is_empty(), "docs/OPERATIONS.md lacks {missing:?}");
    }

    #[test]
    fn alerts_and_dashboard_ask_for_metrics_that_there_are() {
        for path in ["deploy/prometheus/alerts.yml", "deploy/grafana/scanyard.json"] {
            let text = read(path);
            let unknown: Vec<&str> = names(&text).into_iter().filter(|name| !described().contains(name)).collect();
            assert!(unknown.is_empty(), "{path} asks for {unknown:?}");
        }
    }
}
