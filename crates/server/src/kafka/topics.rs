//! The topics: their names, and that they are there.

use super::Kafka;
use super::connect::{Trouble, blocking, judge};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::Producer;
use scanyard_contract::Priority;
use std::time::Duration;

/// How long the brokers may take to say what they know of a topic, and to make one.
const PATIENCE: Duration = Duration::from_secs(10);

/// The names of the topics.
#[derive(Debug, Clone)]
pub struct Topics {
    /// Where scan events go.
    pub events: String,
    prefix: String,
}

impl Topics {
    pub fn new(prefix: &str) -> Topics {
        Topics { events: format!("{prefix}.events"), prefix: prefix.to_string() }
    }

    /// Where hints of work of a priority go.
    pub fn work(&self, priority: Priority) -> String {
        format!("{}.work.{priority}", self.prefix)
    }

    /// Every topic.
    pub fn all(&self) -> Vec<String> {
        Priority::ALL.iter().map(|priority| self.work(*priority)).chain([self.events.clone()]).collect()
    }

    /// The consumer group of workers that can run the same scans.
    pub fn group(&self, kind: &str) -> String {
        format!("{}.workers.{kind}", self.prefix)
    }
}

/// Makes the topics that are not there.
pub async fn ensure(kafka: &Kafka) -> Result<(), Trouble> {
    let producer = kafka.producer();
    let all = kafka.0.topics.all();
    let missing = blocking(move || {
        let mut missing = Vec::new();
        for topic in all {
            let metadata =
                producer.client().fetch_metadata(Some(&topic), PATIENCE).map_err(|error| judge(None, &error))?;
            if metadata.topics().iter().any(|known| known.error().is_some() || known.partitions().is_empty()) {
                missing.push(topic);
            }
        }
        Ok::<_, Trouble>(missing)
    });
    let missing = missing.await??;
    if missing.is_empty() { Ok(()) } else { make(kafka, &missing).await }
}

async fn make(kafka: &Kafka, topics: &[String]) -> Result<(), Trouble> {
    let admin: AdminClient<_> =
        kafka.0.login.config().create_with_context(kafka.0.context.clone()).map_err(|error| judge(None, &error))?;
    let partitions = kafka.0.settings.partitions as i32;
    // As many replicas as the brokers' own default.
    let new: Vec<NewTopic<'_>> =
        topics.iter().map(|topic| NewTopic::new(topic, partitions, TopicReplication::Fixed(-1))).collect();
    let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    let made = admin.create_topics(&new, &options).await.map_err(|error| judge(kafka.0.context.take(), &error))?;
    for result in made {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(Trouble::Refused(not_made(kafka, &topic, code))),
        }
    }
    Ok(())
}

/// What to do about a topic that is not there, or not shown, and that the brokers do not make.
fn not_made(kafka: &Kafka, topic: &str, code: RDKafkaErrorCode) -> String {
    let settings = &kafka.0.settings;
    format!(
        "queue.kafka.topic_prefix: the topic {topic} is missing or hidden from this user, and the brokers refuse to make it \
         ({code}). Let the user create topics that begin with {}., or make it and give the user rights to describe, read and write it: \
         kafka-topics.sh --bootstrap-server {} --create --if-not-exists --topic {topic} --partitions {}",
        settings.topic_prefix,
        settings.brokers.first().map_or("", String::as_str),
        settings.partitions
    )
}
