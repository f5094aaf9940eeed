//! Profiles: who calls which vendor. A file in TOML that holds no secret, only where each one is.

use anyhow::{Context, bail};
use scanyard_client::Hidden;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profiles {
    #[serde(default)]
    profile: BTreeMap<String, Profile>,
}

/// One caller of one vendor.
#[derive(Debug, Deserialize)]
#[serde(tag = "contract", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Profile {
    Tenable {
        /// By default Tenable's cloud.
        address: Option<String>,
        access_key: Option<Source>,
        secret_key: Option<Source>,
        username: Option<String>,
        password: Option<Source>,
        /// The user to act for.
        impersonate: Option<String>,
    },
    Zscaler {
        /// The organisation's name before `.zslogin.net`.
        vanity: Option<String>,
        /// Another cloud than production.
        cloud: Option<String>,
        /// In place of vanity and cloud.
        gateway: Option<String>,
        login: Option<String>,
        client_id: String,
        client_secret: Option<Source>,
        /// RSA in PEM.
        private_key: Option<Source>,
    },
    /// A service of Zscaler's by its own address.
    ZscalerLegacy {
        /// `zia`, `cbc`, `zpa` or `zcc`.
        service: String,
        address: String,
        username: Option<String>,
        password: Option<Source>,
        api_key: Option<Source>,
        client_id: Option<String>,
        client_secret: Option<Source>,
        secret_key: Option<Source>,
    },
    /// Aurora with tenant and application, the managed services with pod and key; or both.
    ArcticWolf {
        address: Option<String>,
        pod: Option<String>,
        key: Option<Source>,
        /// `na`, `eu`, `apac-north`, `apac-south`, `sa` or `us-gov`.
        region: Option<String>,
        tenant_id: Option<Uuid>,
        application_id: Option<Uuid>,
        application_secret: Option<Source>,
    },
    ScanApi {
        server: String,
        key: Option<Source>,
        /// Send the key over plain HTTP to another machine too.
        #[serde(default)]
        insecure_http: bool,
    },
}

/// Where a secret is.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// Name of an environment variable.
    Env(String),
    /// A file that only its owner can read.
    File(PathBuf),
}

impl Profile {
    /// The contract that it calls, as on the command line.
    pub fn contract(&self) -> &'static str {
        match self {
            Profile::Tenable { .. } => "tenable",
            Profile::Zscaler { .. } | Profile::ZscalerLegacy { .. } => "zscaler",
            Profile::ArcticWolf { .. } => "arctic-wolf",
            Profile::ScanApi { .. } => "scan-api",
        }
    }
}

impl Source {
    /// The secret itself.
    pub fn read(&self) -> anyhow::Result<Hidden> {
        let secret = match self {
            Source::Env(name) => match std::env::var(name) {
                Ok(value) => value,
                Err(_) => bail!("the environment has no variable {name}"),
            },
            Source::File(path) => {
                let mode = std::fs::metadata(path).with_context(|| path.display().to_string())?.permissions().mode();
                if mode & 0o077 != 0 {
                    bail!("{} can be read by others (mode {:o}): chmod 600 it", path.display(), mode & 0o777);
                }
                read(path)?
            }
        };
        let secret = secret.trim();
        if secret.is_empty() {
            bail!("a secret of the profile is empty");
        }
        Ok(Hidden::new(secret))
    }
}

/// The profile of this name in this file; without a name the only one of the contract.
pub fn find(file: Option<&Path>, name: Option<&str>, contract: &str) -> anyhow::Result<Profile> {
    let path = match file {
        Some(path) => path.to_path_buf(),
        None => default_file().context("there is no home directory: name the file of profiles with --profiles")?,
    };
    if let Ok(false) = path.try_exists() {
        bail!(
            "there is no file of profiles at {}: `scanyard call --help` shows what stands in one; another is named with --profiles",
            path.display()
        );
    }
    let text = read(&path).with_context(|| format!("reading the profiles in {}", path.display()))?;
    let profiles = parse(&text).with_context(|| path.display().to_string())?;
    pick(profiles, name, contract).with_context(|| path.display().to_string())
}

const SECRET: &str = "; a secret is { env = \"NAME\" } or { file = \"/path\" }, never the secret itself";

/// Whether what the parser says is of a [`Source`]: it expects nothing else so.
fn is_of_secret(said: &str) -> bool {
    ["`env` or `file`", "string or map", "map with a single key"].iter().any(|expected| said.ends_with(expected))
}

fn parse(text: &str) -> anyhow::Result<BTreeMap<String, Profile>> {
    let fault = |error: toml::de::Error| {
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].lines().count().max(1));
        let said = without_values(error.message());
        let secret = if is_of_secret(&said) { SECRET } else { "" };
        anyhow::anyhow!("line {line}: {said}{secret}")
    };
    Ok(toml::from_str::<Profiles>(text).map_err(fault)?.profile)
}

/// What the parser says, without what it quotes: somebody may have put a secret there. Names of fields are none.
fn without_values(message: &str) -> String {
    if message.starts_with("unknown field") || message.starts_with("missing field") {
        return message.to_string();
    }
    let (said, expected) = message.split_once(", expected").unwrap_or((message, ""));
    let said = said.split(['`', '"']).next().unwrap_or_default().trim_end_matches([' ', ',', ':']);
    let said = said.trim_end_matches(": found");
    if expected.is_empty() { said.to_string() } else { format!("{said}, expected{expected}") }
}

fn pick(mut profiles: BTreeMap<String, Profile>, name: Option<&str>, contract: &str) -> anyhow::Result<Profile> {
    if let Some(name) = name {
        let profile = profiles.remove(name).with_context(|| format!("there is no profile {name}"))?;
        if profile.contract() != contract {
            bail!("the profile {name} is of {}, not of {contract}", profile.contract());
        }
        return Ok(profile);
    }
    let mut fitting: Vec<Profile> = profiles.into_values().filter(|profile| profile.contract() == contract).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(profile), true) => Ok(profile),
        (Some(_), false) => bail!("several profiles are of {contract}: choose with --profile"),
        (None, _) => bail!("no profile is of {contract}"),
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    use std::io::Read;
    let file = std::fs::File::open(path)?;
    let mut text = String::new();
    file.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(text)
}

fn default_file() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(config.join("scanyard").join("profiles.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"
        [profile.prod]
        contract = "tenable"
        access_key = { env = "A" }
        secret_key = { file = "/run/secrets/s" }

        [profile.zs]
        contract = "zscaler"
        vanity = "acme"
        client_id = "id"
        client_secret = { env = "B" }
    "#;

    #[test]
    fn the_only_profile_of_a_contract_needs_no_name() {
        let pick = |name, contract| pick(parse(TWO).unwrap(), name, contract);
        assert_eq!(pick(None, "tenable").unwrap().contract(), "tenable");
        assert_eq!(pick(Some("zs"), "zscaler").unwrap().contract(), "zscaler");
        assert!(pick(Some("zs"), "tenable").unwrap_err().to_string().contains("not of tenable"));
        assert!(pick(None, "scan-api").unwrap_err().to_string().contains("no profile"));
    }

    #[test]
    fn a_secret_in_the_file_is_refused_and_not_repeated() {
        let text = TWO.replace(r#"{ env = "A" }"#, r#""s3cret-in-the-file""#);
        let error = format!("{:#}", parse(&text).unwrap_err());
        assert!(error.contains("never the secret itself") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_fault_names_the_field_and_what_is_expected() {
        let fault = |from: &str, to: &str| format!("{:#}", parse(&TWO.replace(from, to)).unwrap_err());
        let unknown = fault("vanity", "base_url");
        assert!(unknown.contains("unknown field `base_url`, expected one of `vanity`, `cloud`"), "{unknown}");
        assert!(fault("client_id = \"id\"", "").contains("missing field `client_id`"));
        assert!(fault("\"zscaler\"", "\"zscalr\"").contains("expected one of `tenable`, `zscaler`"));
        let kind = fault("vanity = \"acme\"", "vanity = [\"s3cret\"]");
        assert!(kind.contains("expected a string") && !kind.contains("s3cret"), "{kind}");
        for other in [unknown, kind, fault("contract = \"zscaler\"", "")] {
            assert!(!other.contains("a secret is"), "{other}");
        }
        for source in ["5", "{}", "{ value = \"s3cret\" }"] {
            let secret = fault("{ env = \"A\" }", source);
            assert!(secret.ends_with("never the secret itself") && !secret.contains("s3cret"), "{secret}");
        }
    }

    #[test]
    fn an_id_of_arctic_wolf_that_is_none_is_no_fault_of_a_secret() {
        let wolf = "[profile.w]\ncontract = \"arctic-wolf\"\ntenant_id = \"the tenant\"\nkey = { env = \"K\" }\n";
        assert_eq!(parse(wolf).unwrap_err().to_string(), "line 1: UUID parsing failed: invalid character");
    }
}
