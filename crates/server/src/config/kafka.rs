//! The settings of Kafka.

use super::secret::Secret;
use super::{duration, empty_is_none};
use serde::Deserialize;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::time::Duration;

/// Where hints and scan events go besides the database; without brokers nowhere.
#[derive(Clone, PartialEq, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// Brokers to ask for the others, each `host:port`; empty: Kafka is not used.
    pub brokers: Vec<String>,
    /// What the names of the topics and consumer groups begin with.
    pub topic_prefix: String,
    /// Partitions of a topic that the server makes itself.
    pub partitions: u32,
    pub security: Security,
    #[serde(deserialize_with = "empty_is_none")]
    pub username: Option<String>,
    pub password: Secret,
    /// File that holds the password, instead of `password`.
    #[serde(deserialize_with = "empty_is_none")]
    pub password_file: Option<PathBuf>,
    /// Certificate authorities, in PEM, that the brokers' certificates are checked against; `None`: the system's.
    #[serde(deserialize_with = "empty_is_none")]
    pub ca_file: Option<PathBuf>,
    /// Moves of scans that may wait to be sent; beyond it submissions get 503.
    pub max_backlog: u64,
    /// How long a start waits for a broker.
    #[serde(deserialize_with = "duration::deserialize")]
    pub connect_timeout: Duration,
    /// How long a message may take until it is in Kafka.
    #[serde(deserialize_with = "duration::deserialize")]
    pub send_timeout: Duration,
}

/// How a connection is secured and who logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// Neither encrypted nor with a login.
    Plaintext,
    /// A login by SASL/PLAIN, not encrypted.
    SaslPlain,
    /// TLS without a login.
    Tls,
    /// TLS and a login by SASL/PLAIN.
    TlsSaslPlain,
    /// TLS and a login by SCRAM-SHA-256.
    #[serde(rename = "tls-scram-sha-256")]
    TlsScramSha256,
    /// TLS and a login by SCRAM-SHA-512.
    #[serde(rename = "tls-scram-sha-512")]
    TlsScramSha512,
}

impl Security {
    /// Whether the connection is encrypted.
    pub fn is_tls(self) -> bool {
        match self {
            Security::Plaintext | Security::SaslPlain => false,
            Security::Tls | Security::TlsSaslPlain | Security::TlsScramSha256 | Security::TlsScramSha512 => true,
        }
    }

    /// The mechanism of the login, as SASL names it.
    pub fn mechanism(self) -> Option<&'static str> {
        match self {
            Security::Plaintext | Security::Tls => None,
            Security::SaslPlain | Security::TlsSaslPlain => Some("PLAIN"),
            Security::TlsScramSha256 => Some("SCRAM-SHA-256"),
            Security::TlsScramSha512 => Some("SCRAM-SHA-512"),
        }
    }
}

impl Default for Kafka {
    fn default() -> Kafka {
        Kafka {
            brokers: Vec::new(),
            topic_prefix: "scanyard".into(),
            partitions: 6,
            security: Security::Plaintext,
            username: None,
            password: Secret::default(),
            password_file: None,
            ca_file: None,
            max_backlog: 100_000,
            connect_timeout: Duration::from_secs(10),
            send_timeout: Duration::from_secs(5),
        }
    }
}

impl Kafka {
    /// Whether Kafka is used.
    pub fn is_set(&self) -> bool {
        !self.brokers.is_empty()
    }

    pub(super) fn require(&self, is_postgres: bool, require: &mut impl FnMut(bool, &'static str, &str)) {
        let is_broker = |broker: &String| {
            let parts = broker.rsplit_once(':');
            parts.is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0))
        };
        require(
            self.brokers.iter().all(is_broker),
            "queue.kafka.brokers",
            "must be brokers such as kafka-1.example.test:9092, without a scheme or a path",
        );
        let has_password = !self.password.is_empty() || self.password_file.is_some();
        let is_half =
            self.username.is_some() || has_password || self.ca_file.is_some() || self.security != Security::Plaintext;
        require(
            self.is_set() || !is_half,
            "queue.kafka.brokers",
            "is missing, and the other settings of queue.kafka are nothing without it",
        );
        require(
            cfg!(feature = "kafka") || !self.is_set(),
            "queue.kafka.brokers",
            "needs a build with the feature kafka",
        );
        let reason = "needs database.url = postgres://…: the embedded database has one process, and that needs no hints from others";
        require(is_postgres || !self.is_set(), "queue.kafka.brokers", reason);
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let is_prefix = (1..=100).contains(&self.topic_prefix.len()) && self.topic_prefix.chars().all(is_name);
        require(
            is_prefix,
            "queue.kafka.topic_prefix",
            "must be 1 to 100 letters, digits, dots, dashes and underscores",
        );
        require((1..=1000).contains(&self.partitions), "queue.kafka.partitions", "must be 1 to 1000");
        require((1..=100_000_000).contains(&self.max_backlog), "queue.kafka.max_backlog", "must be 1 to 100000000");
        let connect = Duration::from_millis(100)..=Duration::from_secs(60);
        require(connect.contains(&self.connect_timeout), "queue.kafka.connect_timeout", "must be 100ms to 60s");
        let send = Duration::from_secs(1)..=Duration::from_secs(15);
        require(send.contains(&self.send_timeout), "queue.kafka.send_timeout", "must be 1s to 15s");
        self.require_security(has_password, require);
    }

    fn require_security(&self, has_password: bool, require: &mut impl FnMut(bool, &'static str, &str)) {
        let feature = "needs a build with the feature kafka-tls, which brings OpenSSL in";
        require(cfg!(feature = "kafka-tls") || !self.security.is_tls(), "queue.kafka.security", feature);
        let login = self.security.mechanism().is_some();
        require(
            !login || self.username.is_some(),
            "queue.kafka.username",
            "is missing: queue.kafka.security asks for a login",
        );
        require(!login || has_password, "queue.kafka.password", "is missing: queue.kafka.security asks for a login");
        let unused = "is set, and queue.kafka.security has no login";
        require(login || self.username.is_none(), "queue.kafka.username", unused);
        require(login || !has_password, "queue.kafka.password", unused);
        let one = self.password.is_empty() || self.password_file.is_none();
        require(one, "queue.kafka.password_file", "is set beside queue.kafka.password; one of them is enough");
        let unused = "is set, and queue.kafka.security is not encrypted";
        require(self.security.is_tls() || self.ca_file.is_none(), "queue.kafka.ca_file", unused);
    }
}

/// A name, or an IP address; one with colons is in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(ip) => ip.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)),
    }
}
