//! Connections: how the settings become librdkafka's, and what its errors mean for the operator.

use super::Kafka;
use crate::config::{self, Secret};
use anyhow::Context as _;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, Producer};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long one question to the brokers waits, so that a refusal is seen while others are waited for.
const ASK: Duration = Duration::from_millis(500);

/// The longest pause between two attempts to connect, in milliseconds.
const RECONNECT_MAX_MS: &str = "2000";

/// The most that a password file holds, in bytes.
const PASSWORD_BYTES: u64 = 4096;

/// Why Kafka does not take messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It answers and refuses: only the operator can change that.
    Refused(String),
    /// It does not answer.
    Down(String),
}

impl Trouble {
    /// The same, with what it was about.
    pub fn at(self, what: &str) -> Trouble {
        match self {
            Trouble::Refused(reason) => Trouble::Refused(format!("{reason} ({what})")),
            Trouble::Down(reason) => Trouble::Down(format!("{reason} ({what})")),
        }
    }

    pub fn reason(self) -> String {
        match self {
            Trouble::Refused(reason) | Trouble::Down(reason) => reason,
        }
    }
}

/// Keeps the last error of a client, because a look-up that fails says only that it took too long.
#[derive(Debug, Clone, Default)]
pub struct Context(Arc<Mutex<Option<(RDKafkaErrorCode, String)>>>);

impl Context {
    /// Takes the last error out.
    pub fn take(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.last().take()
    }

    fn last(&self) -> MutexGuard<'_, Option<(RDKafkaErrorCode, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What matters is told once by whoever it stops.
        tracing::debug!(?level, facility, message, "librdkafka");
        // A connection that ended is no error to librdkafka, but here it says why.
        if facility == "FAIL" {
            let reason = message.split_once("]: ").map_or(message, |(_, reason)| reason);
            self.last().get_or_insert_with(|| (RDKafkaErrorCode::BrokerTransportFailure, reason.to_string()));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka");
        let Some(code) = error.rdkafka_error_code() else { return };
        // That all brokers are down says nothing of why.
        if code != RDKafkaErrorCode::AllBrokersDown {
            *self.last() = Some((code, reason.to_string()));
        }
    }
}

impl ConsumerContext for Context {}

/// What every client logs in with.
pub struct Login {
    config: ClientConfig,
}

impl Login {
    /// Reads the password file and turns the settings into librdkafka's.
    pub fn read(settings: &config::Kafka) -> anyhow::Result<Login> {
        let mut config = ClientConfig::new();
        config
            .set("client.id", "scanyard")
            .set("bootstrap.servers", settings.brokers.join(","))
            .set("security.protocol", protocol(settings.security))
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.max.ms", RECONNECT_MAX_MS)
            .set_log_level(RDKafkaLogLevel::Info);
        if let Some(mechanism) = settings.security.mechanism() {
            config
                .set("sasl.mechanism", mechanism)
                .set("sasl.username", settings.username.clone().unwrap_or_default())
                .set("sasl.password", password(settings)?.expose());
        }
        if let Some(path) = &settings.ca_file {
            // librdkafka's own message does not name the file.
            std::fs::read(path).with_context(|| format!("queue.kafka.ca_file: reading {}", path.display()))?;
            config.set("ssl.ca.location", path.display().to_string());
        }
        Ok(Login { config })
    }

    /// A producer whose messages are in Kafka, each once and in order, or have failed.
    pub fn producer(&self, settings: &config::Kafka, context: &Context) -> anyhow::Result<FutureProducer<Context>> {
        let mut config = self.config.clone();
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("linger.ms", "0")
            .set("message.timeout.ms", settings.send_timeout.as_millis().to_string());
        config.create_with_context(context.clone()).context("queue.kafka: setting up the producer")
    }

    /// Settings for a client of another kind.
    pub fn config(&self) -> ClientConfig {
        self.config.clone()
    }
}

fn protocol(security: config::Security) -> &'static str {
    match (security.is_tls(), security.mechanism().is_some()) {
        (false, false) => "PLAINTEXT",
        (false, true) => "SASL_PLAINTEXT",
        (true, false) => "SSL",
        (true, true) => "SASL_SSL",
    }
}

fn password(settings: &config::Kafka) -> anyhow::Result<Secret> {
    let Some(path) = &settings.password_file else { return Ok(settings.password.clone()) };
    read_password(path).with_context(|| format!("queue.kafka.password_file: reading {}", path.display()))
}

fn read_password(path: &PathBuf) -> anyhow::Result<Secret> {
    let bytes = std::fs::metadata(path)?.len();
    anyhow::ensure!(bytes <= PASSWORD_BYTES, "it has {bytes} bytes, a password has at most {PASSWORD_BYTES}");
    let text = std::fs::read_to_string(path)?;
    let password = text.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!password.is_empty(), "it is empty");
    Ok(Secret::new(password))
}

/// Waits until a broker has let this node in.
pub async fn wait_for_broker(kafka: &Kafka) -> Result<(), Trouble> {
    let until = Instant::now() + kafka.0.settings.connect_timeout;
    let mut told = None;
    loop {
        let (producer, events) = (kafka.producer(), kafka.0.topics.events.clone());
        let asked = blocking(move || producer.client().fetch_metadata(Some(&events), ASK).map(drop)).await?;
        let Err(error) = asked else { return Ok(()) };
        told = kafka.0.context.take().or(told);
        match judge(told.clone(), &error) {
            Trouble::Refused(reason) => return Err(Trouble::Refused(reason)),
            Trouble::Down(reason) if Instant::now() >= until => return Err(hung_up(reason)),
            Trouble::Down(_) => {}
        }
    }
}

/// A broker that is down lets nobody connect; one that lets this node connect and hangs up on its first questions, for as
/// long as it was asked, wants a login or TLS.
fn hung_up(reason: String) -> Trouble {
    if is_silence(&reason) {
        return Trouble::Down(reason);
    }
    if ["in state UP", "in state APIVERSION_QUERY"].iter().any(|connected| reason.contains(connected)) {
        let setting =
            "queue.kafka.security: the broker hangs up on whoever has not logged in, or speaks another protocol";
        Trouble::Refused(format!("{setting}: {reason}"))
    } else {
        Trouble::Down(reason)
    }
}

/// A broker that hangs lets everybody connect and says nothing; librdkafka may call that a refusal, for it asked for something.
fn is_silence(reason: &str) -> bool {
    reason.contains("Timed out") || reason.contains("timed out")
}

/// What an error means: the last one that the client told of, else the one at hand.
pub fn judge(told: Option<(RDKafkaErrorCode, String)>, error: &KafkaError) -> Trouble {
    let (code, reason) = match told {
        Some((code, reason)) => (Some(code), reason),
        None => (error.rdkafka_error_code(), error.to_string()),
    };
    let refused = |setting: &str| Trouble::Refused(format!("{setting}: {reason}"));
    match code {
        _ if is_silence(&reason) => Trouble::Down(reason),
        Some(
            RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::UnsupportedSASLMechanism
            | RDKafkaErrorCode::IllegalSASLState,
        ) => refused("queue.kafka.username, queue.kafka.password or queue.kafka.security: the login was refused"),
        Some(RDKafkaErrorCode::SSL) => refused("queue.kafka.ca_file or queue.kafka.security: TLS was refused"),
        Some(
            RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed,
        ) => refused("queue.kafka.username: rights are missing"),
        // The broker hung up on what it took for another protocol.
        _ if reason.contains("security.protocol") => {
            refused("queue.kafka.security: the broker speaks another protocol")
        }
        _ => Trouble::Down(reason),
    }
}

/// Runs a call of librdkafka that blocks.
pub async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> Result<T, Trouble> {
    tokio::task::spawn_blocking(call).await.map_err(|error| Trouble::Down(format!("a call of librdkafka: {error}")))
}
