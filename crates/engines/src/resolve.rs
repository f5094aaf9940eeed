//! Names into addresses, through hickory alone.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Looks names up; cheap to clone.
#[derive(Clone)]
pub struct Resolver {
    inner: TokioResolver,
    servers: Arc<[SocketAddr]>,
}

/// Kinds of records that are looked up as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// Strings of one record are put together.
    Txt,
    /// As tag and value, such as `issue ca.example.test`.
    Caa,
    Mx,
    Ns,
    /// Only of the name itself, never of a name that it is an alias of.
    Soa,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

/// Why a name has no addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveFault {
    /// The name does not exist or has no address: an answer, and final.
    #[error("{0} does not resolve to any address")]
    NotFound(String),
    /// No answer in time, or an answer that says nothing.
    #[error("looking up {name}: {reason}")]
    Trouble { name: String, reason: String },
}

/// Time and tries for one server: a dead one must not use up a caller's budget.
const ATTEMPT: Duration = Duration::from_secs(2);

/// The most bytes of one record that are kept.
const TEXT_BYTES: usize = 2048;

impl Resolver {
    /// A resolver that asks these servers, or the system's where none are given.
    pub fn new(servers: &[SocketAddr]) -> Result<Resolver, String> {
        let provider = TokioRuntimeProvider::default();
        let mut builder = if servers.is_empty() {
            TokioResolver::builder(provider).map_err(|error| error.to_string())?
        } else {
            let servers = servers.iter().map(|server| name_server(*server)).collect();
            TokioResolver::builder_with_config(ResolverConfig::from_parts(None, Vec::new(), servers), provider)
        };
        builder.options_mut().timeout = ATTEMPT;
        builder.options_mut().attempts = 2;
        Ok(Resolver { inner: builder.build().map_err(|error| error.to_string())?, servers: servers.into() })
    }

    /// The servers that are asked; empty for the system's.
    pub fn servers(&self) -> &[SocketAddr] {
        &self.servers
    }

    /// The records of a name as text, names without the last dot; none when the name does not exist. Gives up after
    /// `budget`.
    pub async fn records(&self, name: &str, record: Record, budget: Duration) -> Result<Vec<String>, ResolveFault> {
        let trouble = |reason: String| ResolveFault::Trouble { name: name.to_string(), reason };
        let record_type = match record {
            Record::Txt => RecordType::TXT,
            Record::Caa => RecordType::CAA,
            Record::Mx => RecordType::MX,
            Record::Ns => RecordType::NS,
            Record::Soa => RecordType::SOA,
        };
        let answer = tokio::time::timeout(budget, self.inner.lookup(format!("{name}."), record_type))
            .await
            .map_err(|_| trouble(format!("no answer within {} ms", budget.as_millis())))?;
        match answer {
            Ok(found) => Ok(found.answers().iter().filter_map(|answer| record.text(name, answer)).collect()),
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(Vec::new()),
            Err(error) => Err(trouble(error.to_string())),
        }
    }

    /// The addresses of a name, ascending and without repeats; gives up after `budget`.
    pub async fn lookup(&self, name: &str, budget: Duration) -> Result<Vec<IpAddr>, ResolveFault> {
        let trouble = |reason: String| ResolveFault::Trouble { name: name.to_string(), reason };
        let answer = tokio::time::timeout(budget, self.inner.lookup_ip(format!("{name}.")))
            .await
            .map_err(|_| trouble(format!("no answer within {} ms", budget.as_millis())))?;
        match answer {
            Ok(found) => {
                let mut addresses: Vec<IpAddr> = found.iter().collect();
                addresses.sort_unstable();
                addresses.dedup();
                Ok(addresses)
            }
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => {
                Err(ResolveFault::NotFound(name.to_string()))
            }
            Err(error) => Err(trouble(error.to_string())),
        }
    }
}

impl Record {
    /// An answer of this kind as text.
    fn text(self, name: &str, answer: &hickory_resolver::proto::rr::Record) -> Option<String> {
        let plain = |name: &Name| name.to_ascii().trim_end_matches('.').to_ascii_lowercase();
        match (self, &answer.data) {
            (Record::Txt, RData::TXT(text)) => Some(crate::text::clean(&text.txt_data.concat(), TEXT_BYTES)),
            (Record::Caa, RData::CAA(caa)) => {
                Some(format!("{} {}", caa.tag, crate::text::clean(&caa.value, TEXT_BYTES)))
            }
            (Record::Mx, RData::MX(mx)) => Some(plain(&mx.exchange)),
            (Record::Ns, RData::NS(server)) => Some(plain(&server.0)),
            (Record::Soa, RData::SOA(soa)) if plain(&answer.name) == name => Some(plain(&soa.mname)),
            (Record::Txt | Record::Caa | Record::Mx | Record::Ns | Record::Soa, _) => None,
        }
    }
}

fn name_server(server: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    NameServerConfig::new(server.ip(), true, connections.into())
}
