//! Hints: wake this node's worker. No scan is run here, and what a hint names is not what is claimed.

use super::Kafka;
use super::connect::{Context, Trouble, blocking, judge};
use crate::{App, config, fleet};
use futures::FutureExt;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use ring::digest::{SHA256, digest};
use scanyard_contract::kafka::HintMessage;
use scanyard_contract::{Priority, ScanType};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

/// How long a hint waits for the worker to look; its database may be away.
const LOOK: Duration = Duration::from_secs(10);

/// The pause between two attempts to listen.
const PAUSE: Duration = Duration::from_secs(5);

/// How long the brokers may take to say who coordinates a group, in milliseconds; the least that they take for the time after
/// which a silent member is dropped.
const PROOF_MS: &str = "6000";

/// Hints taken at one time: they all say the same.
const TOGETHER: usize = 1000;

/// Wakes the worker at every hint of work that it can do, until the node drains.
pub async fn listen(app: App, kafka: Kafka) {
    let engines = fleet::own_engines(&app);
    if engines.is_empty() {
        return;
    }
    let group = kafka.0.topics.group(&kind(&app.config.worker.labels, &engines));
    tokio::select! {
        () = listen_as(&app, &kafka, &group) => {}
        () = app.draining.cancelled() => {}
    }
}

/// Workers of one kind share a group: a hint wakes one of them. A worker with other labels or engines has a group of its
/// own, so that nobody takes a hint from who could follow it.
fn kind(labels: &[String], engines: &[ScanType]) -> String {
    let labels: BTreeSet<&str> = labels.iter().map(String::as_str).collect();
    let engines: BTreeSet<&str> = engines.iter().map(|engine| engine.as_str()).collect();
    let hash = digest(&SHA256, format!("{labels:?} {engines:?}").as_bytes());
    hash.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn listen_as(app: &App, kafka: &Kafka, group: &str) {
    // Topics that are not there yet would be an error of the consumer.
    let mut trouble = kafka.0.trouble.subscribe();
    let _ = trouble.wait_for(Option::is_none).await;
    prove_until_heard(kafka).await;
    loop {
        let consumer = match consumer(kafka, group) {
            Ok(consumer) => consumer,
            Err(error) => {
                tracing::error!(%error, group, "listening to hints");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        tracing::info!(group, "listening to hints");
        let Err(error) = hear(app, kafka, &consumer).await;
        tracing::warn!(%error, group, "listening to hints; until it works scans are found by the slow poll");
        kafka.hears(false);
        tokio::time::sleep(PAUSE).await;
        // No hint may come for long, and would be the only sign that it works again.
        prove_until_heard(kafka).await;
        // A new one takes its place: it would say again and again that brokers were away, and hears nothing of a topic that was
        // deleted and made again. Not before: to take leave of the group it waits for the brokers.
        let _ = blocking(move || drop(consumer)).await;
    }
}

/// Wakes the worker at every hint until the consumer meets an error.
async fn hear(app: &App, kafka: &Kafka, consumer: &StreamConsumer<Context>) -> Result<Infallible, KafkaError> {
    loop {
        let hints = next(consumer).await?;
        if hints.iter().any(|hint| is_for(hint, &app.config.worker)) {
            look(app, kafka).await;
        }
        for hint in &hints {
            if let Err(error) = consumer.store_offset_from_message(hint) {
                tracing::debug!(%error, "committing a hint");
            }
        }
    }
}

/// Asks until this node may listen; says meanwhile that it hears nothing.
async fn prove_until_heard(kafka: &Kafka) {
    let mut told = None;
    while let Err(trouble) = prove(kafka).await {
        if told.as_ref() != Some(&trouble) {
            let reason = trouble.clone().reason();
            tracing::warn!(reason, "hints are not heard; until they are scans are found by the slow poll");
            told = Some(trouble);
        }
        kafka.hears(false);
        tokio::time::sleep(PAUSE).await;
    }
    kafka.hears(true);
}

/// Whether this node may read the hints as a member of a group: to note how far it has read asks for the same rights. In a
/// group of its own, because nobody's place in a real one may move.
pub async fn prove(kafka: &Kafka) -> Result<(), Trouble> {
    let group = kafka.0.topics.group("proof");
    let context = Context::default();
    let mut config = kafka.0.login.config();
    config.set("group.id", &group).set("session.timeout.ms", PROOF_MS).set("enable.auto.commit", "false");
    let topics: Vec<String> = Priority::ALL.iter().map(|priority| kafka.0.topics.work(*priority)).collect();
    let noted = blocking(move || {
        let consumer: BaseConsumer<Context> =
            config.create_with_context(context).map_err(|error| judge(None, &error))?;
        // One at a time: of several, one that is refused would not show.
        topics.iter().try_for_each(|topic| {
            note(&consumer, topic).map_err(|error| judge(None, &error).at(&format!("topic {topic}")))
        })
    });
    noted.await?.map_err(|trouble| trouble.at(&format!("group {group}")))
}

/// Notes a place in a topic; what refuses the group comes beside the answer.
fn note(consumer: &BaseConsumer<Context>, topic: &str) -> Result<(), KafkaError> {
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, 0, Offset::Offset(0))?;
    let noted = consumer.commit(&place, CommitMode::Sync);
    noted.map_err(|error| match consumer.poll(Duration::ZERO) {
        Some(Err(told)) => told,
        Some(Ok(_)) | None => error,
    })
}

fn consumer(kafka: &Kafka, group: &str) -> Result<StreamConsumer<Context>, KafkaError> {
    let mut config = kafka.0.login.config();
    config
        .set("group.id", group)
        // What was said before this group came is of no use: a worker looks when it starts.
        .set("auto.offset.reset", "latest")
        .set("enable.auto.commit", "true")
        .set("enable.auto.offset.store", "false")
        .set("auto.commit.interval.ms", "1000")
        .set("session.timeout.ms", "10000")
        .set("partition.assignment.strategy", "cooperative-sticky");
    let consumer: StreamConsumer<Context> = config.create_with_context(kafka.0.context.clone())?;
    let topics: Vec<String> = Priority::ALL.iter().map(|priority| kafka.0.topics.work(*priority)).collect();
    consumer.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(consumer)
}

/// The next hint with those that came with it.
async fn next(consumer: &StreamConsumer<Context>) -> Result<Vec<BorrowedMessage<'_>>, KafkaError> {
    let mut hints = vec![consumer.recv().await?];
    while hints.len() < TOGETHER {
        match consumer.recv().now_or_never() {
            Some(Ok(hint)) => hints.push(hint),
            Some(Err(_)) | None => break,
        }
    }
    metrics::counter!("scanyard_kafka_hints_received_total").increment(hints.len() as u64);
    Ok(hints)
}

/// Whether this worker could do the work; a hint that cannot be read is taken for one.
fn is_for(hint: &BorrowedMessage<'_>, worker: &config::Worker) -> bool {
    let read: Option<HintMessage> = hint.payload().and_then(|payload| serde_json::from_slice(payload).ok());
    let Some(hint) = read else { return true };
    hint.label.is_none_or(|label| worker.has_label(&label)) && hint.scan_type.is_none_or(|engine| worker.takes(engine))
}

/// Wakes the worker and waits until it has looked, so that a hint is committed after the attempt.
async fn look(app: &App, kafka: &Kafka) {
    let mut looks = kafka.0.looks.subscribe();
    let before = *looks.borrow_and_update();
    app.queue.wake();
    let _ = tokio::time::timeout(LOOK, looks.wait_for(|looks| *looks > before)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_of_one_kind_share_a_group_whatever_the_order() {
        let of = |labels: &[&str], engines: &[ScanType]| {
            kind(&labels.iter().map(|label| label.to_string()).collect::<Vec<_>>(), engines)
        };
        let (nmap, zap) = (ScanType::Nmap, ScanType::Zap);
        assert_eq!(of(&["a", "b"], &[nmap, zap]), of(&["b", "a"], &[zap, nmap]));
        assert_ne!(of(&["a", "b"], &[nmap]), of(&["a"], &[nmap]));
        assert_ne!(of(&["a"], &[nmap]), of(&["a"], &[nmap, zap]));
    }
}
