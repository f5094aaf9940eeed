//! References to container images: the grammar of the OCI, read into parts and printed again.

use crate::target::{TargetFault, fault, host_name};
use std::fmt;

/// Where a name without a registry is looked for, as every client of images does.
pub const DEFAULT_REGISTRY: &str = "docker.io";
/// The longest repository name, registry included, in bytes.
const MAX_NAME: usize = 255;
/// The longest tag, in bytes.
const MAX_TAG: usize = 128;
/// Hex digits of a SHA-256.
const DIGEST_HEX: usize = 64;

/// An image in a registry, such as `registry.example.test/team/app:1.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef {
    /// Host name or IPv4 address, with its port where it names one.
    registry: String,
    /// Path within the registry.
    repository: String,
    tag: Option<String>,
    /// `sha256:` and 64 hex digits.
    digest: Option<String>,
}

impl ImageRef {
    /// Reads a reference. One without tag and digest is `latest`.
    pub fn parse(text: &str) -> Result<ImageRef, TargetFault> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(read_digest(digest)?)),
            None => (text, None),
        };
        // A colon before the last slash is that of the registry's port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(read_tag(tag)?)),
            Some(_) | None => (rest, None),
        };
        if name.is_empty() || name.len() > MAX_NAME {
            return fault(format!("is not an image reference: its name is 1 to {MAX_NAME} characters"));
        }
        let (registry, repository) = match name.split_once('/') {
            Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => {
                (read_registry(first)?, path.to_string())
            }
            Some(_) => (DEFAULT_REGISTRY.to_string(), name.to_string()),
            None => (DEFAULT_REGISTRY.to_string(), format!("library/{name}")),
        };
        if !repository.split('/').all(is_component) {
            return fault(
                "is not an image reference such as registry.example.test/app:1.0: parts of its path are small letters \
                 and digits, with single `.` or `_`, `__` or hyphens between them",
            );
        }
        let tag = if tag.is_none() && digest.is_none() { Some("latest".to_string()) } else { tag };
        Ok(ImageRef { registry, repository, tag, digest })
    }

    /// The registry that is asked for the image, with its port where it names one.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The registry's host name or address, without a port.
    pub fn registry_host(&self) -> &str {
        self.registry.split(':').next().unwrap_or_default()
    }

    /// Whether both may be one image: the same name, and neither tag nor digest that speaks against it.
    pub fn is_same(&self, other: &ImageRef) -> bool {
        let agree = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
        self.name() == other.name() && agree(&self.tag, &other.tag) && agree(&self.digest, &other.digest)
    }

    /// The image's name without tag and digest: what stays the same from version to version.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImageRef { registry, repository, tag, digest } = self;
        write!(f, "{registry}/{repository}")?;
        if let Some(tag) = tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Reads a registry such as `registry.example.test:5000`.
pub fn read_registry(text: &str) -> Result<String, TargetFault> {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let host = match host.parse::<std::net::Ipv4Addr>() {
        Ok(address) => address.to_string(),
        Err(_) => host_name(host)?,
    };
    match port.map(|port| (port, port.parse::<u16>())) {
        None => Ok(host),
        Some((text, Ok(port))) if port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(format!("{host}:{port}"))
        }
        Some(_) => fault("names a registry whose port is not 1 to 65535"),
    }
}

fn read_tag(tag: &str) -> Result<String, TargetFault> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = tag.bytes();
    let is_tag = bytes.next().is_some_and(is_word) && bytes.all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
    if is_tag && tag.len() <= MAX_TAG {
        return Ok(tag.to_string());
    }
    fault(format!("has a tag that is none: 1 to {MAX_TAG} letters, digits, `_`, `.` and `-`"))
}

fn read_digest(digest: &str) -> Result<String, TargetFault> {
    let is_hex = |hex: &str| {
        hex.len() == DIGEST_HEX && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    if digest.strip_prefix("sha256:").is_some_and(is_hex) {
        return Ok(digest.to_string());
    }
    fault("has a digest that is none: `sha256:` and 64 hex digits")
}

/// One part of a repository's path: small letters and digits, with separators only between them.
fn is_component(part: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends_plain = part.bytes().next().is_some_and(is_plain) && part.bytes().next_back().is_some_and(is_plain);
    let separators = part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_separator = |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    ends_plain && separators.into_iter().all(is_separator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn references_print_in_full() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (text, printed) in [
            ("registry.example.test/app:1.0", "registry.example.test/app:1.0"),
            ("Registry.Example.TEST:5000/team/app", "registry.example.test:5000/team/app:latest"),
            ("127.0.0.1:5000/a__b/c-d.e:V1_x", "127.0.0.1:5000/a__b/c-d.e:V1_x"),
            ("localhost/app", "localhost/app:latest"),
            ("alpine", "docker.io/library/alpine:latest"),
            ("team/app:2", "docker.io/team/app:2"),
            (&format!("registry.example.test/app@{digest}"), &format!("registry.example.test/app@{digest}")),
            (&format!("registry.example.test/app:1@{digest}"), &format!("registry.example.test/app:1@{digest}")),
        ] {
            assert_eq!(ImageRef::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}")).to_string(), printed);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "",
            ":1",
            "@sha256:00",
            "-x",
            "--input=/etc/passwd",
            "registry.example.test/",
            "registry.example.test/App",
            "registry.example.test/a//b",
            "registry.example.test/a/../b",
            "registry.example.test/a:",
            "registry.example.test/a:-x",
            "registry.example.test:99999/a",
            "registry.example.test:+1/a",
            "https://registry.example.test/a",
            "user@registry.example.test/a",
            "registry.example.test/a@sha512:00",
            "/etc/passwd",
            "../x",
            "a b",
            "a._b",
        ] {
            assert!(ImageRef::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn a_printed_reference_reads_back(text in "[a-zA-Z0-9.:/@_-]{1,40}") {
            if let Ok(image) = ImageRef::parse(&text) {
                let printed = image.to_string();
                prop_assert!(!printed.starts_with('-'));
                prop_assert_eq!(ImageRef::parse(&printed).unwrap(), image);
            }
        }
    }
}
