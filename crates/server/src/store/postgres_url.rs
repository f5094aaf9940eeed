//! The URL of a PostgreSQL server: what it may say, and what it means where it says nothing.

use super::open_error::{OpenError, Trouble};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sqlx::ConnectOptions;
use sqlx::any::AnyConnectOptions;
use std::net::IpAddr;
use url::{Host, Url};

/// What may stand behind the `?`; anything else is a slip that would leave a wish unheard.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "application_name",
    "options",
];

/// The files of TLS: who names one wants TLS, and a server that is verified.
const FILES: &[&str] = &["sslrootcert", "sslcert", "sslkey"];

/// What a password may hold, said where it may have cut the URL.
const ESCAPES: &str = "in a user or password write %XX for what is no letter or digit, such as %23 for # and %2F for /";

/// How the connection is protected; `prefer` and `allow` are left out, for they give way to whoever stands between.
const MODES: &[&str] = &["disable", "require", "verify-ca", "verify-full"];

/// Reads and completes the URL: to another machine the default is `sslmode=verify-full`.
pub fn options(text: &str) -> Result<AnyConnectOptions, OpenError> {
    let wrong = |reason: String| OpenError::new(Trouble::Setting, reason);
    let mut url = Url::parse(text).map_err(|error| wrong(format!("is no URL: {error}; {ESCAPES}")))?;
    if is_cut(&url) {
        // Nothing of it is shown: where the password ends nobody knows.
        return Err(wrong(format!("is not read as it is meant; {ESCAPES}")));
    }
    let place = redacted(&url);
    let wrong = |reason: String| wrong(format!("{place}: {reason}"));
    for (name, value) in url.query_pairs() {
        if !PARAMETERS.contains(&name.as_ref()) {
            return Err(wrong(format!("the parameter {name} is not known; there are {}", PARAMETERS.join(", "))));
        }
        if name == "sslmode" && !MODES.contains(&value.as_ref()) {
            return Err(wrong(format!("sslmode must be {}", MODES.join(", "))));
        }
        if FILES.contains(&name.as_ref()) {
            check_file(&name, &value).map_err(wrong)?;
        }
    }
    let asks = |name: &str| url.query_pairs().any(|(known, _)| known == name);
    if asks("sslcert") != asks("sslkey") {
        return Err(wrong("sslcert and sslkey are used together only".to_string()));
    }
    let mut more = Vec::new();
    if !asks("sslmode") && (FILES.iter().any(|name| asks(name)) || !is_local(&url)) {
        more.push(("sslmode", "verify-full".to_string()));
    }
    if let (Some(Host::Ipv6(address)), false) = (url.host(), asks("host")) {
        // The driver takes the brackets for a part of a name.
        more.push(("host", address.to_string()));
    }
    for (name, value) in more {
        url.query_pairs_mut().append_pair(name, &value);
    }
    AnyConnectOptions::from_url(&url).map_err(|error| wrong(error.to_string()))
}

/// Whether a `/`, `?` or `#` in the password ended what was meant to be the host: the `@` is behind it.
fn is_cut(url: &Url) -> bool {
    url.fragment().is_some() || url.path().contains('@') || url.query_pairs().any(|(name, _)| name.contains('@'))
}

/// A file that is not there, or without what it is named for, would be read only when a server asks, or never.
fn check_file(name: &str, path: &str) -> Result<(), String> {
    let pem = std::fs::read(path).map_err(|error| format!("{name}: {path}: {error}"))?;
    let (what, held) = match name {
        "sslkey" => ("private key", PrivateKeyDer::from_pem_slice(&pem).map(drop)),
        _ => ("certificate", certificates(&pem)),
    };
    held.map_err(|error| match error {
        pem::Error::NoItemsFound => format!("{name}: {path} holds no {what} in PEM"),
        error => format!("{name}: {path}: {error}"),
    })
}

/// Whether each is one, and there is one.
fn certificates(pem: &[u8]) -> Result<(), pem::Error> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>()?.as_slice() {
        [] => Err(pem::Error::NoItemsFound),
        _ => Ok(()),
    }
}

/// Whether nobody can stand between: this machine's loopback, or a socket in the file system.
fn is_local(url: &Url) -> bool {
    let parameter = url.query_pairs().find(|(name, _)| name == "host").map(|(_, value)| value.into_owned());
    let host = parameter.unwrap_or_else(|| url.host_str().unwrap_or_default().to_string());
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_socket = host.starts_with('/') || host.to_lowercase().starts_with("%2f");
    host.is_empty() || is_socket || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The URL without its password and parameters.
pub fn redacted(url: &Url) -> String {
    let mut shown = url.clone();
    // Only a URL that cannot have one refuses.
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> Option<String> {
        let options = options(url).unwrap();
        options.database_url.query_pairs().find(|(name, _)| name == "sslmode").map(|(_, mode)| mode.into_owned())
    }

    #[test]
    fn another_machine_must_show_a_certificate_unless_the_url_says_otherwise() {
        for host in ["db.example.test", "192.0.2.7:5433", "[2001:db8::1]"] {
            assert_eq!(mode(&format!("postgres://u@{host}/d")).as_deref(), Some("verify-full"), "{host}");
            assert_eq!(mode(&format!("postgres://u@{host}/d?sslmode=disable")).as_deref(), Some("disable"), "{host}");
        }
        for host in ["127.0.0.1", "localhost:5433", "[::1]", "%2Frun%2Fpostgresql", ""] {
            assert_eq!(mode(&format!("postgres://{host}/d")), None, "{host}");
        }
        assert_eq!(mode("postgres:///d?host=/run/postgresql"), None);
        assert_eq!(mode("postgres://u@127.0.0.1/d?host=db.example.test").as_deref(), Some("verify-full"));
    }

    #[test]
    fn an_address_in_brackets_reaches_the_driver_without_them() {
        let host = |url: &str| {
            let url = options(url).unwrap().database_url;
            url.query_pairs().find(|(name, _)| name == "host").map(|(_, host)| host.into_owned())
        };
        assert_eq!(host("postgres://u@[2001:db8::1]:5433/d").as_deref(), Some("2001:db8::1"));
        assert_eq!(host("postgres://u@[::1]/d?host=/run/postgresql").as_deref(), Some("/run/postgresql"));
        assert_eq!(host("postgres://u@127.0.0.1/d"), None);
    }

    #[test]
    fn a_certificate_of_the_node_needs_its_key_and_asks_for_a_verified_server() {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["node".to_string()]).unwrap();
        let [cert, key] = ["node.pem", "node.key"].map(|name| dir.path().join(name).display().to_string());
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let (local, cert, key) = ("postgres://u@127.0.0.1/d", format!("sslcert={cert}"), format!("sslkey={key}"));
        assert_eq!(mode(&format!("{local}?{cert}&{key}")).as_deref(), Some("verify-full"));
        for half in [cert, key] {
            let text = options(&format!("{local}?{half}")).unwrap_err().to_string();
            assert!(text.contains("sslcert and sslkey are used together only"), "{text}");
        }
    }

    #[test]
    fn a_url_with_a_slip_is_refused_without_its_password() {
        for (url, said) in [
            ("postgres://u:hunter2@h:99999/d", "invalid port"),
            ("postgres://u:hun#ter2@h/d", "%23 for #"),
            ("postgres://u:12#hunter2@h/d", "%23 for #"),
            ("postgres://u:12/hunter2@h/d", "%2F for /"),
            ("postgres://u:12?hunter2@h/d", "write %XX"),
            ("postgres://u:hunter2@h/d?sslmod=verify-full", "the parameter sslmod is not known"),
            ("postgres://u:hunter2@h/d?sslmode=prefer", "sslmode must be disable, require"),
            ("postgres://u:hunter2@h/d?sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem"),
            ("postgres://u:hunter2@h/d?sslrootcert=/dev/null", "holds no certificate"),
            ("postgres://u:hunter2@127.0.0.1/d?sslcert=/nowhere/node.pem", "sslcert: /nowhere/node.pem"),
            ("postgres://u:hunter2@127.0.0.1/d?sslkey=/dev/null", "sslkey: /dev/null holds no private key"),
        ] {
            let error = options(url).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.trouble, Trouble::Setting);
            assert!(text.starts_with("database.url: ") && text.contains(said), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
