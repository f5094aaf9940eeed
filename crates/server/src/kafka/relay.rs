//! The relay: sends what the database has noted, at least once and for each scan in order.
//!
//! One node at a time has the turn, for as long as its transaction lasts; whatever was sent and not yet deleted when it
//! ends early is sent again by the next.

use super::connect::{Trouble, judge, wait_for_broker};
use super::{Kafka, topics};
use crate::App;
use crate::store::StoreError;
use crate::store::kafka_message::{self, Message};
use futures::future::join_all;
use rdkafka::producer::FutureRecord;
use scanyard_contract::kafka::{EventMessage, HintMessage, SCHEMA_VERSION, TopicEvent};
use scanyard_contract::{Priority, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant, SystemTime};

/// Messages read at one time.
const BATCH: u32 = 1000;

/// Of one batch, how many hints of a priority are sent: more workers than that are not woken at a time anyway.
const HINTS: usize = 100;

/// How often the relay looks without being woken: moves of scans on other nodes may be there.
const POLL: Duration = Duration::from_millis(500);

/// Pauses after failures: the first and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// No batch goes on for longer: an idle transaction of 30 s is ended by the database.
const LONGEST_BATCH: Duration = Duration::from_secs(10);

/// How often the brokers are asked whether they are there, while this node has nothing to send.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// How often a node says that it uses Kafka.
const USE_EVERY: Duration = Duration::from_secs(60);

/// Sends until the node drains, and then what is left once more.
pub async fn relay(app: App, kafka: Kafka) {
    let (mut pause, mut used_at, mut heard_at) = (FIRST_PAUSE, None::<Instant>, Instant::now());
    while !app.draining.is_cancelled() {
        if used_at.is_none_or(|at| at.elapsed() > USE_EVERY) && begin_use(&app).await.is_ok() {
            used_at = Some(Instant::now());
        }
        let wait = match tick(&app, &kafka).await {
            Ok(sent) if sent >= BATCH as usize => continue,
            Ok(sent) if kafka.trouble().is_none() => {
                pause = FIRST_PAUSE;
                if sent > 0 {
                    heard_at = Instant::now();
                } else if heard_at.elapsed() > ASK_EVERY {
                    ask(&kafka).await;
                    heard_at = Instant::now();
                }
                POLL
            }
            Ok(_) => backed_off(&mut pause),
            Err(error) => {
                tracing::warn!(%error, "sending to Kafka");
                backed_off(&mut pause)
            }
        };
        let is_open = kafka.trouble().is_some();
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = kafka.0.moved.notified(), if !is_open => {}
            () = app.draining.cancelled() => {}
        }
    }
    if kafka.trouble().is_none()
        && let Err(error) = tick(&app, &kafka).await
    {
        tracing::debug!(%error, "sending the last messages to Kafka");
    }
}

fn backed_off(pause: &mut Duration) -> Duration {
    std::mem::replace(pause, (*pause * 2).min(LONGEST_PAUSE))
}

/// Notices brokers that went while nothing was sent.
async fn ask(kafka: &Kafka) {
    if let Err(trouble) = wait_for_broker(kafka).await {
        let reason = trouble.reason();
        tracing::warn!(reason, "Kafka does not answer");
        kafka.fails(reason);
    }
}

/// Says that moves are to be noted from now on.
pub async fn begin_use(app: &App) -> Result<(), StoreError> {
    let now = app.store.now().await?;
    app.store.write(move |conn| Box::pin(async move { kafka_message::begin_use(conn, now).await })).await
}

/// Sends the oldest messages when this node gets the turn; answers how many left the database. While Kafka is in trouble,
/// it is asked first, so that no connection to the database waits for it.
pub async fn tick(app: &App, kafka: &Kafka) -> Result<usize, StoreError> {
    if kafka.trouble().is_some() {
        kafka.renew_broken_producer();
        if let Err(trouble) = kafka.prove_again().await {
            kafka.fails(trouble.reason());
            return Ok(0);
        }
        kafka.works();
    }
    let sender = kafka.clone();
    let sent = app.store.write(move |conn| {
        Box::pin(async move {
            let Some(messages) = kafka_message::take_turn(conn, BATCH).await? else { return Ok((0, None)) };
            if messages.is_empty() {
                return Ok((0, None));
            }
            let (sent, trouble) = send(&sender, &messages).await;
            kafka_message::delete(conn, &sent).await?;
            Ok((sent.len(), trouble))
        })
    });
    let (sent, trouble) = sent.await?;
    if let Some(trouble) = trouble {
        let reason = trouble.reason();
        tracing::warn!(reason, "Kafka does not take messages");
        kafka.fails(reason);
    }
    Ok(sent)
}

impl Kafka {
    /// Whether a broker answers and the topics are there.
    async fn prove_again(&self) -> Result<(), Trouble> {
        wait_for_broker(self).await?;
        topics::ensure(self).await
    }
}

/// Sends messages; answers which are in Kafka, or need not go there, and why the others are not.
async fn send(kafka: &Kafka, messages: &[Message]) -> (Vec<i64>, Option<Trouble>) {
    let begun = Instant::now();
    let hinted = hints_to_send(messages);
    let mut done = Vec::with_capacity(messages.len());
    for wave in waves(messages) {
        let sent = join_all(wave.iter().map(|message| send_one(kafka, message, hinted.contains(&message.id)))).await;
        let mut trouble = None;
        for (message, sent) in wave.iter().zip(sent) {
            match sent {
                Ok(()) => done.push(message.id),
                Err(error) => trouble = Some(error),
            }
        }
        if trouble.is_some() {
            return (done, trouble);
        }
        if begun.elapsed() > LONGEST_BATCH {
            break;
        }
    }
    (done, None)
}

/// Of each priority the first hints; the others are dropped, because they say the same.
fn hints_to_send(messages: &[Message]) -> BTreeSet<i64> {
    let mut of_priority: BTreeMap<Priority, usize> = BTreeMap::new();
    let mut chosen = BTreeSet::new();
    for message in messages.iter().filter(|message| message.hint.is_some()) {
        let count = of_priority.entry(message.priority).or_insert(0);
        *count += 1;
        if *count <= HINTS {
            chosen.insert(message.id);
        }
    }
    chosen
}

/// The first message of each scan, then the second of each, and so on: a scan's next one goes only when the one before
/// is in Kafka.
fn waves(messages: &[Message]) -> Vec<Vec<&Message>> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut waves: Vec<Vec<&Message>> = Vec::new();
    for message in messages {
        let place = seen.entry(&message.scan_id).or_insert(0);
        if *place == waves.len() {
            waves.push(Vec::new());
        }
        waves[*place].push(message);
        *place += 1;
    }
    waves
}

async fn send_one(kafka: &Kafka, message: &Message, with_hint: bool) -> Result<(), Trouble> {
    let key = &message.scan_id;
    let hint = async {
        match message.hint.as_ref().filter(|_| with_hint) {
            Some(hint) => deliver(kafka, "hint", &kafka.0.topics.work(message.priority), key, hint).await,
            None => Ok(()),
        }
    };
    let event = async {
        match &message.event {
            Some(event) => deliver(kafka, "event", &kafka.0.topics.events, key, event).await,
            None => Ok(()),
        }
    };
    futures::try_join!(hint, event).map(|_| ())
}

/// Sends one message and waits until all replicas have it.
async fn deliver(kafka: &Kafka, kind: &'static str, topic: &str, key: &str, payload: &str) -> Result<(), Trouble> {
    let record = FutureRecord::to(topic).key(key).payload(payload);
    let sent = kafka.producer().send(record, kafka.0.settings.send_timeout).await;
    let outcome = if sent.is_ok() { "delivered" } else { "failed" };
    metrics::counter!("scanyard_kafka_messages_total", "kind" => kind, "outcome" => outcome).increment(1);
    match sent {
        Ok(_) => {
            metrics::counter!("scanyard_kafka_bytes_total", "kind" => kind)
                .increment((key.len() + payload.len()) as u64);
            Ok(())
        }
        Err((error, _)) => Err(judge(kafka.0.context.take(), &error).at(&format!("topic {topic}"))),
    }
}

/// Sends a message to each topic: only so it is known that this node may.
pub async fn ping(kafka: &Kafka) -> Result<(), Trouble> {
    for priority in Priority::ALL {
        let hint = HintMessage { schema_version: SCHEMA_VERSION, priority: *priority, label: None, scan_type: None };
        deliver(kafka, "hint", &kafka.0.topics.work(*priority), "ping", &text(&hint)).await?;
    }
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let event = EventMessage {
        id: crate::store::outbox::new_id("evt"),
        event: TopicEvent::Ping,
        schema_version: SCHEMA_VERSION,
        timestamp: Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
        tenant_id: None,
        data: None,
    };
    deliver(kafka, "event", &kafka.0.topics.events, "ping", &text(&event)).await
}

fn text(message: &impl serde::Serialize) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: i64, scan: &str, priority: Priority) -> Message {
        Message { id, scan_id: scan.into(), priority, hint: Some("{}".into()), event: None }
    }

    #[test]
    fn a_scans_messages_go_one_after_the_other() {
        let of = |scans: &[&str]| -> Vec<Message> {
            scans.iter().zip(1..).map(|(scan, id)| message(id, scan, Priority::Low)).collect()
        };
        let messages = of(&["a", "b", "a", "c", "a", "b"]);
        let ids: Vec<Vec<i64>> = waves(&messages).iter().map(|wave| wave.iter().map(|m| m.id).collect()).collect();
        assert_eq!(ids, [vec![1, 2, 4], vec![3, 6], vec![5]]);
    }

    #[test]
    fn of_many_hints_of_a_priority_some_are_enough() {
        let many = (0..500).map(|id| message(id, "a", if id < 450 { Priority::Low } else { Priority::High }));
        let chosen = hints_to_send(&many.collect::<Vec<_>>());
        assert_eq!(chosen.len(), HINTS + 50);
        assert!(chosen.contains(&0) && !chosen.contains(&449) && chosen.contains(&499));
    }
}
