//! The settings: one struct per area, their defaults, and what makes them valid. Only this module reads the environment.
//!
//! `config.default.toml` holds the same defaults with a comment each; the command line's options are made from it.

mod duration;
mod engines;
mod kafka;
mod load;
mod secret;
mod setting;
mod webhooks;
mod worker;

pub use engines::{EngineLimits, supervisor};
pub use kafka::{Kafka, Security};
pub use load::{ConfigError, Layers, Loaded};
pub use secret::Secret;
pub use setting::{DEFAULT_FILE, Setting, settings};
pub use webhooks::{Allow, Webhooks};
pub use worker::Worker;

use crate::http::source::ProxyHeader;
use crate::serve::Role;
use crate::store::{Clock, StoreOptions, sqlite_url};
use ipnet::IpNet;
use scanyard_contract::ScanType;
use scanyard_engines::Settings;
use scanyard_engines::image::{ImageRef, read_registry};
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port of the API.
    pub listen: SocketAddr,
    /// Folder for the embedded database and the engines' job folders; made when it is missing.
    pub data_dir: PathBuf,
    /// How long a stop may take.
    #[serde(deserialize_with = "duration::deserialize")]
    pub shutdown_grace: Duration,
    /// File (mode 0600) that the first start writes the first key to, instead of printing it.
    #[serde(deserialize_with = "empty_is_none")]
    pub bootstrap_key_file: Option<PathBuf>,
    /// File (mode 0600) of the keys that encrypt secrets in the database; `None`: see [`Config::master_key_file`].
    #[serde(deserialize_with = "empty_is_none")]
    pub master_key_file: Option<PathBuf>,
    pub database: Database,
    pub http: Http,
    pub queue: Queue,
    pub tls: Tls,
    pub worker: Worker,
    pub engines: Engines,
    pub uploads: Uploads,
    pub dns: Dns,
    pub webhooks: Webhooks,
    pub limits: Limits,
    pub usage: Usage,
    pub support: Support,
    pub log: Log,
}

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:///path/x.db` or `postgres://…`, which can hold a password; empty: see [`Config::database_url`].
    pub url: Secret,
    /// Connections of this node to PostgreSQL.
    pub connections: u32,
    /// Connections to the embedded database that read at the same time.
    pub read_connections: u32,
    /// Writes that may wait; beyond it requests get 503.
    pub write_queue: usize,
}

/// Bounds of the HTTP server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// Largest upload, in bytes.
    pub upload_bytes: u64,
    /// Longest request line, in bytes.
    pub max_url_bytes: usize,
    /// All request headers together, in bytes.
    pub max_header_bytes: usize,
    /// Connections open at the same time.
    pub max_connections: usize,
    /// Streams of live events that one caller has open on this node at the same time.
    pub max_event_streams: usize,
    /// How long a stream of live events may be silent.
    #[serde(deserialize_with = "duration::deserialize")]
    pub event_heartbeat: Duration,
    /// How long a client may take to send the headers.
    #[serde(deserialize_with = "duration::deserialize")]
    pub header_timeout: Duration,
    /// How long a client may take to send the body.
    #[serde(deserialize_with = "duration::deserialize")]
    pub body_timeout: Duration,
    /// How long the answer to a request may take.
    #[serde(deserialize_with = "duration::deserialize")]
    pub request_timeout: Duration,
    /// Proxies whose word about where a request came from is taken.
    #[serde(deserialize_with = "crate::net::deserialize")]
    pub trusted_proxies: Vec<IpNet>,
    /// Whether only a proxy reaches this server, wherever it listens.
    pub behind_proxy: bool,
    /// The header in which they say it.
    pub proxy_header: ProxyHeader,
}

/// The scans that wait.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// Scans that may wait, of all tenants together; beyond it submissions get 503.
    pub max_backlog: u64,
    /// How often a worker looks for work that nobody told it of.
    #[serde(deserialize_with = "duration::deserialize")]
    pub poll: Duration,
    pub kafka: Kafka,
}

/// HTTPS without a proxy.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Certificate and chain, in PEM; `None`: plain HTTP.
    #[serde(deserialize_with = "empty_is_none")]
    pub cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[serde(deserialize_with = "empty_is_none")]
    pub key: Option<PathBuf>,
    /// How long a client may take to shake hands.
    #[serde(deserialize_with = "duration::deserialize")]
    pub handshake_timeout: Duration,
}

/// Where the engines are.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engines {
    /// The user that engines run as; only root can change it: see [`Engines::run_as`].
    #[serde(deserialize_with = "empty_is_none")]
    pub user: Option<String>,
    /// Folder for the engines' job folders; `None`: see [`Config::jobs_dir`].
    #[serde(deserialize_with = "empty_is_none")]
    pub work_dir: Option<PathBuf>,
    /// Whether engines see the system's files and their own only.
    pub confine: bool,
    pub limits: EngineLimits,
    /// Whether engines that tell third parties of the target may run.
    pub osint: bool,
    pub nmap: Program,
    pub zap: Program,
    pub trivy: Trivy,
    pub nuclei: Nuclei,
    pub nikto: Program,
    pub sqlmap: Program,
    pub wapiti: Program,
    pub harvester: Program,
    pub sublist3r: Program,
}

impl Engines {
    /// The program that is configured for an engine.
    pub fn path(&self, scan_type: ScanType) -> Option<&Path> {
        let program = match scan_type {
            ScanType::Nmap => &self.nmap,
            ScanType::Zap => &self.zap,
            ScanType::Trivy => return self.trivy.path.as_deref(),
            ScanType::Nuclei => return self.nuclei.path.as_deref(),
            ScanType::Nikto => &self.nikto,
            ScanType::Sqlmap => &self.sqlmap,
            ScanType::Wapiti => &self.wapiti,
            ScanType::Harvester => &self.harvester,
            ScanType::Sublist3r => &self.sublist3r,
            ScanType::Sentinel => return None,
        };
        program.path.as_deref()
    }

    /// What the engines' adapters need to know besides.
    pub fn settings(&self) -> Settings {
        Settings { trivy_cache_dir: self.trivy.cache_dir.clone() }
    }
}

/// Trivy: its program, its databases, and whom it may ask.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trivy {
    /// The program to run; `None`: looked for in `/usr/bin` and `/usr/local/bin`.
    #[serde(deserialize_with = "empty_is_none")]
    pub path: Option<PathBuf>,
    /// Folder with trivy's databases, which is only read; `None`: there are none.
    #[serde(deserialize_with = "empty_is_none")]
    pub cache_dir: Option<PathBuf>,
    /// Registries whose images may be scanned, such as `registry.example.test:5000`.
    pub registries: Vec<String>,
}

impl Trivy {
    /// Why an image may not be scanned, and what to do; `None` when it may.
    pub fn refusal(&self, image: &ImageRef) -> Option<String> {
        let registry = image.registry();
        let is_allowed = |allowed: &String| read_registry(allowed).is_ok_and(|allowed| allowed == registry);
        if self.registries.iter().any(is_allowed) {
            return None;
        }
        Some(format!(
            "the registry {registry} is not among those whose images are scanned here; the operator adds it to \
             engines.trivy.registries"
        ))
    }
}

/// An engine that is a program.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The program to run; `None`: looked for where `scripts/install-engines` and the system put programs.
    #[serde(deserialize_with = "empty_is_none")]
    pub path: Option<PathBuf>,
}

/// nuclei, which is nothing without its templates.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nuclei {
    /// As [`Program::path`].
    #[serde(deserialize_with = "empty_is_none")]
    pub path: Option<PathBuf>,
    /// Folder of its templates, an absolute path; `None`: it cannot run.
    #[serde(deserialize_with = "empty_is_none")]
    pub templates: Option<PathBuf>,
}

/// How files that were uploaded are kept.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uploads {
    /// How long an upload is kept after its last use.
    #[serde(deserialize_with = "duration::deserialize")]
    pub keep: Duration,
    /// Bytes of all uploads of one tenant together.
    pub tenant_bytes: u64,
    /// Uploads that this node receives at the same time.
    pub concurrency: usize,
}

/// How names are looked up.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// DNS servers; empty: the system's.
    pub servers: Vec<SocketAddr>,
}

/// Limits of a key without its own whose tenant has none either, of users, and of whoever is nobody yet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests in a minute.
    pub per_minute: u32,
    /// Requests in an hour.
    pub per_hour: u32,
    /// Requests in a day.
    pub per_day: u32,
    /// Requests of a user in a minute.
    pub user_per_minute: u32,
    /// Requests of a user in an hour.
    pub user_per_hour: u32,
    /// Requests of a user in a day.
    pub user_per_day: u32,
    /// Requests without a live key or session from one source address in a minute.
    pub per_source: u32,
    /// Logins from one source address in a minute.
    pub logins_per_source: u32,
}

/// How long calls and their counts are kept.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Days that a call stays in the log.
    pub log_days: u32,
    /// Days that the counts of calls per hour and per day are kept.
    pub count_days: u32,
    /// Calls that wait to be written at most; what comes then is answered, but not logged.
    pub buffer: usize,
}

/// Where error messages send people.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Support {
    /// An address or a URL.
    #[serde(deserialize_with = "empty_is_none")]
    pub contact: Option<String>,
    /// Page that shows whether this instance works.
    #[serde(deserialize_with = "empty_is_none")]
    pub status_url: Option<String>,
    /// Page on which a larger quota is to be had.
    #[serde(deserialize_with = "empty_is_none")]
    pub upgrade_url: Option<String>,
}

/// What is logged and how.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// A level, also by module: `info,scanyard_server=debug`.
    pub level: String,
    pub format: LogFormat,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: "scanyard-data".into(),
            shutdown_grace: Duration::from_secs(10),
            bootstrap_key_file: None,
            master_key_file: None,
            database: Database::default(),
            http: Http::default(),
            queue: Queue::default(),
            tls: Tls::default(),
            worker: Worker::default(),
            uploads: Uploads::default(),
            engines: Engines { user: Some("nobody".to_string()), confine: true, ..Engines::default() },
            dns: Dns::default(),
            webhooks: Webhooks::default(),
            limits: Limits::default(),
            usage: Usage::default(),
            support: Support::default(),
            log: Log::default(),
        }
    }
}

impl Default for Database {
    fn default() -> Database {
        Database { url: Secret::default(), connections: 16, read_connections: 4, write_queue: 4096 }
    }
}

impl Default for Http {
    fn default() -> Http {
        Http {
            max_body_bytes: 1024 * 1024,
            upload_bytes: 256 * 1024 * 1024,
            max_url_bytes: 8 * 1024,
            max_header_bytes: 16 * 1024,
            max_connections: 1024,
            max_event_streams: 20,
            event_heartbeat: Duration::from_secs(15),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
            behind_proxy: false,
            proxy_header: ProxyHeader::XForwardedFor,
        }
    }
}

impl Default for Tls {
    fn default() -> Tls {
        Tls { cert: None, key: None, handshake_timeout: Duration::from_secs(10) }
    }
}

impl Default for Uploads {
    fn default() -> Uploads {
        Uploads { keep: Duration::from_secs(24 * 3600), tenant_bytes: 2 * 1024 * 1024 * 1024, concurrency: 8 }
    }
}

impl Limits {
    /// Requests a minute, an hour and a day of a key without its own.
    pub fn of_keys(&self) -> [u64; 3] {
        [self.per_minute.into(), self.per_hour.into(), self.per_day.into()]
    }
}

impl Default for Queue {
    fn default() -> Queue {
        Queue { max_backlog: 100_000, poll: Duration::from_secs(5), kafka: Kafka::default() }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            per_minute: 600,
            per_hour: 18_000,
            per_day: 200_000,
            user_per_minute: 600,
            user_per_hour: 18_000,
            user_per_day: 200_000,
            per_source: 600,
            logins_per_source: 30,
        }
    }
}

impl Default for Usage {
    fn default() -> Usage {
        Usage { log_days: 30, count_days: 400, buffer: 50_000 }
    }
}

impl Default for Log {
    fn default() -> Log {
        Log { level: "info".into(), format: LogFormat::Text }
    }
}

impl Limits {
    /// A user's requests in a minute, an hour and a day.
    pub fn of_users(&self) -> crate::limit::Limits {
        [self.user_per_minute.into(), self.user_per_hour.into(), self.user_per_day.into()]
    }
}

/// A setting whose value is of the right type and still wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Such as `worker.lease_ms`.
    pub setting: &'static str,
    /// Continues a sentence that begins with the setting and its value.
    pub reason: String,
}

impl Config {
    /// The database that is used: the one set, else a file in the data folder.
    pub fn database_url(&self) -> Secret {
        if !self.database.url.is_empty() {
            return self.database.url.clone();
        }
        Secret::new(sqlite_url::of(&self.data_dir.join("scanyard.db")))
    }

    /// The file of the embedded database; `None` on PostgreSQL.
    pub fn database_file(&self) -> Option<PathBuf> {
        sqlite_url::file(self.database_url().expose())
    }

    /// How the database is opened.
    pub fn store_options(&self, clock: Clock) -> StoreOptions {
        let url = self.database_url();
        let (database, is_file) = (&self.database, url.expose().starts_with("sqlite:"));
        StoreOptions {
            url: url.expose().to_string(),
            read_connections: if is_file { database.read_connections } else { database.connections },
            write_queue: database.write_queue,
            clock,
        }
    }

    /// Where the master keys are: the file set, else one in the data folder.
    pub fn master_key_file(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }

    /// Where uploads lie while they come in, and while a run uses them.
    pub fn uploads_dir(&self) -> PathBuf {
        self.data_dir.join("uploads")
    }

    /// Why a node must not start as what it is to be.
    pub fn check_role(&self, role: Role) -> Result<(), ConfigError> {
        match role {
            Role::Serve => self.check_transport(),
            Role::Worker => self.check_worker(),
        }
    }

    /// A worker shares its database with the node that has the API.
    fn check_worker(&self) -> Result<(), ConfigError> {
        if self.database_url().expose().starts_with("sqlite:") {
            return Err(ConfigError(vec![
                "database.url: is SQLite, which belongs to one process. Either run `scanyard serve`, which runs scans too, or \
                 name a PostgreSQL here and for serve: postgres://user:password@host/name"
                    .to_string(),
            ]));
        }
        if self.worker.concurrency == 0 && self.webhooks.concurrency == 0 {
            return Err(ConfigError(vec![
                "worker.concurrency: is 0 and webhooks.concurrency too, which leaves a worker nothing to do"
                    .to_string(),
            ]));
        }
        Ok(())
    }

    /// Why the server must not start: plain HTTP that other machines reach shows them every key on its way.
    fn check_transport(&self) -> Result<(), ConfigError> {
        let is_local = self.listen.ip().to_canonical().is_loopback();
        let is_behind = self.http.behind_proxy || !self.http.trusted_proxies.is_empty();
        if self.tls.cert.is_some() || is_local || is_behind {
            return Ok(());
        }
        Err(ConfigError(vec![format!(
            "listen: {} can be reached from other machines, and plain HTTP would show them every key. Either serve HTTPS \
             (--tls-cert and --tls-key), or listen on 127.0.0.1, or, behind a proxy that speaks TLS, name its addresses \
             in http.trusted_proxies or set http.behind_proxy",
            self.listen
        )]))
    }

    /// Everything that is wrong with the values.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut require = |is_right: bool, setting: &'static str, reason: &str| {
            if !is_right {
                faults.push(Fault { setting, reason: reason.to_string() });
            }
        };
        let (http, limits) = (&self.http, &self.limits);
        let within = |timeout: Duration| (Duration::from_millis(100)..=Duration::from_secs(600)).contains(&timeout);
        require(!self.data_dir.as_os_str().is_empty(), "data_dir", "names no folder");
        require(within(self.shutdown_grace), "shutdown_grace", "must be 100ms to 10m");
        let url = self.database.url.expose();
        let is_database = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        require(url.is_empty() || is_database, "database.url", "must begin with sqlite:// or postgres://");
        let is_plain = !(url.starts_with("sqlite:") && url.contains('?'));
        require(is_plain, "database.url", "takes no parameters with SQLite; a ? in the file's name is written %3F");
        let is_kept =
            sqlite_url::file(url).is_none_or(|file| ![Path::new(""), Path::new(":memory:")].contains(&&*file));
        require(is_kept, "database.url", "names no file: write sqlite:///path/to/file.db");
        require((2..=1024).contains(&self.database.connections), "database.connections", "must be 2 to 1024");
        require((1..=256).contains(&self.database.read_connections), "database.read_connections", "must be 1 to 256");
        require((1..=1_000_000).contains(&self.database.write_queue), "database.write_queue", "must be 1 to 1000000");
        let body = 1024..=32 * 1024 * 1024;
        require(body.contains(&http.max_body_bytes), "http.max_body_bytes", "must be 1024 to 33554432");
        let upload = 1024..=1024 * 1024 * 1024;
        require(upload.contains(&http.upload_bytes), "http.upload_bytes", "must be 1024 to 1073741824");
        require((256..=65_000).contains(&http.max_url_bytes), "http.max_url_bytes", "must be 256 to 65000");
        let headers = 1024..=256 * 1024;
        require(headers.contains(&http.max_header_bytes), "http.max_header_bytes", "must be 1024 to 262144");
        require((1..=1_000_000).contains(&http.max_connections), "http.max_connections", "must be 1 to 1000000");
        require((1..=10_000).contains(&http.max_event_streams), "http.max_event_streams", "must be 1 to 10000");
        require(within(http.event_heartbeat), "http.event_heartbeat", "must be 100ms to 10m");
        require(within(http.header_timeout), "http.header_timeout", "must be 100ms to 10m");
        require(within(http.body_timeout), "http.body_timeout", "must be 100ms to 10m");
        require(within(http.request_timeout), "http.request_timeout", "must be 100ms to 10m");
        let backlog = 1..=100_000_000;
        require(backlog.contains(&self.queue.max_backlog), "queue.max_backlog", "must be 1 to 100000000");
        require(within(self.queue.poll), "queue.poll", "must be 100ms to 10m");
        self.queue.kafka.require(url.starts_with("postgres"), &mut require);
        let (cert, key) = (self.tls.cert.is_some(), self.tls.key.is_some());
        require(cert || !key, "tls.cert", "is missing: tls.key is nothing without its certificate");
        require(key || !cert, "tls.key", "is missing: tls.cert is nothing without its key");
        require(within(self.tls.handshake_timeout), "tls.handshake_timeout", "must be 100ms to 10m");
        self.worker.require(&mut require);
        self.engines.require(&mut require);
        require(limits.per_minute > 0, "limits.per_minute", "must be at least 1");
        require(limits.per_hour > 0, "limits.per_hour", "must be at least 1");
        require(limits.per_day > 0, "limits.per_day", "must be at least 1");
        require(limits.user_per_minute > 0, "limits.user_per_minute", "must be at least 1");
        require(limits.user_per_hour > 0, "limits.user_per_hour", "must be at least 1");
        require(limits.user_per_day > 0, "limits.user_per_day", "must be at least 1");
        require(limits.per_source > 0, "limits.per_source", "must be at least 1");
        require(limits.logins_per_source > 0, "limits.logins_per_source", "must be at least 1");
        require((1..=3_650).contains(&self.usage.log_days), "usage.log_days", "must be 1 to 3650");
        let longest = (91..=36_500).contains(&self.usage.count_days);
        require(longest, "usage.count_days", "must be 91, for the longest period of usage, to 36500");
        require((1..=10_000_000).contains(&self.usage.buffer), "usage.buffer", "must be 1 to 10000000");
        let is_page = |page: &Option<String>| page.as_ref().is_none_or(|page| page.starts_with("http"));
        require(is_page(&self.support.status_url), "support.status_url", "must be an http or https URL");
        require(is_page(&self.support.upgrade_url), "support.upgrade_url", "must be an http or https URL");
        let uploads = &self.uploads;
        let keep = Duration::from_secs(60)..=Duration::from_secs(366 * 86_400);
        require(keep.contains(&uploads.keep), "uploads.keep", "must be 1m to 8784h");
        let most = 1024..=1024 * 1024 * 1024 * 1024;
        require(most.contains(&uploads.tenant_bytes), "uploads.tenant_bytes", "must be 1024 to 1099511627776");
        require((1..=1024).contains(&uploads.concurrency), "uploads.concurrency", "must be 1 to 1024");
        let registries = self.engines.trivy.registries.iter().all(|registry| read_registry(registry).is_ok());
        require(registries, "engines.trivy.registries", "must be registries such as registry.example.test:5000");
        self.webhooks.require(&mut require);
        let levels = "must be off, error, warn, info, debug or trace, also by module: info,scanyard_server=debug";
        require(self.log.level.split(',').all(is_log_level), "log.level", levels);
        faults
    }
}

/// `debug`, or `module=debug`. The log's own parser takes any other word for a module and then logs nothing.
fn is_log_level(part: &str) -> bool {
    let level = part.rsplit('=').next().unwrap_or_default().trim().to_lowercase();
    ["off", "error", "warn", "info", "debug", "trace"].contains(&level.as_str())
}

/// TOML has no null: an empty text is a setting that is not set.
fn empty_is_none<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok((!text.is_empty()).then(|| T::from(text)))
}

#[cfg(test)]
mod tests;
