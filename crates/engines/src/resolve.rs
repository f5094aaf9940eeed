//! Names into addresses, through hickory alone.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Looks names up; cheap to clone.
#[derive(Clone)]
pub struct Resolver(TokioResolver);

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
        Ok(Resolver(builder.build().map_err(|error| error.to_string())?))
    }

    /// The addresses of a name, ascending and without repeats; gives up after `budget`.
    pub async fn lookup(&self, name: &str, budget: Duration) -> Result<Vec<IpAddr>, ResolveFault> {
        let trouble = |reason: String| ResolveFault::Trouble { name: name.to_string(), reason };
        let answer = tokio::time::timeout(budget, self.0.lookup_ip(format!("{name}.")))
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

fn name_server(server: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    NameServerConfig::new(server.ip(), true, connections.into())
}
