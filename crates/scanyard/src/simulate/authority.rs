//! A certificate authority made on the spot, and certificates for whatever host a client names.

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most hosts whose certificates are kept: a client that names more gets new ones.
const MAX_HOSTS: usize = 256;

/// Vouches for every host, to clients that trust it.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    made: Mutex<HashMap<String, Arc<ServerConfig>>>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    pub fn new() -> anyhow::Result<Authority> {
        let key = KeyPair::generate().context("making the authority's key")?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "Scanyard simulator");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).context("signing the authority's certificate")?.pem();
        Ok(Authority { issuer: Issuer::new(params, key), pem, made: Mutex::new(HashMap::new()) })
    }

    /// What clients have to trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// TLS as this host.
    pub fn config(&self, host: &str) -> anyhow::Result<Arc<ServerConfig>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = made.get(host) {
            return Ok(config.clone());
        }
        if made.len() >= MAX_HOSTS {
            made.clear();
        }
        let key = KeyPair::generate()?;
        let mut params =
            CertificateParams::new(vec![host.to_string()]).with_context(|| format!("{host:?} is no host"))?;
        params.distinguished_name.push(DnType::CommonName, "simulated");
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&key, &self.issuer)?;
        let chain = vec![CertificateDer::from(leaf.der().to_vec())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let config = Arc::new(config);
        made.insert(host.to_string(), config.clone());
        Ok(config)
    }
}
