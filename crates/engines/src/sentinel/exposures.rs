//! Files and pages that are not meant for everybody: a short list of our own, each known by its content. A server that
//! says yes to every path has none of them.

use super::http::Answer;
use super::rules::{self, Rule};
use crate::text;
use serde_json::Value;

/// One path, and what its content must be. The proof is shown as evidence and holds no secret.
#[derive(Debug)]
pub struct Exposure {
    pub path: &'static str,
    pub rule: &'static Rule,
    proof: fn(&[u8]) -> Option<String>,
}

impl Exposure {
    const fn new(path: &'static str, rule: &'static Rule, proof: fn(&[u8]) -> Option<String>) -> Exposure {
        Exposure { path, rule, proof }
    }

    /// What proves that the file is there; `None` when another page came, or when a page that cannot exist is the same.
    pub fn proof(&self, answer: &Answer, of_nothing: Option<&Answer>) -> Option<String> {
        let proof = |answer: &Answer| (self.proof)(&answer.body).filter(|_| answer.status == 200);
        proof(answer).filter(|_| of_nothing.is_none_or(|answer| proof(answer).is_none()))
    }
}

/// Files and pages of web servers.
pub const FILES: &[Exposure] = &[
    Exposure::new("/.git/HEAD", &rules::EXPOSED_REPOSITORY, git_head),
    Exposure::new("/.git/config", &rules::EXPOSED_REPOSITORY, git_config),
    Exposure::new("/.svn/wc.db", &rules::EXPOSED_REPOSITORY, sqlite),
    Exposure::new("/.svn/entries", &rules::EXPOSED_REPOSITORY, svn_entries),
    Exposure::new("/.hg/requires", &rules::EXPOSED_REPOSITORY, hg_requires),
    Exposure::new("/.env", &rules::EXPOSED_SECRETS, environment),
    Exposure::new("/.aws/credentials", &rules::EXPOSED_SECRETS, aws_credentials),
    Exposure::new("/.htpasswd", &rules::EXPOSED_SECRETS, password_file),
    Exposure::new("/id_rsa", &rules::EXPOSED_SECRETS, private_key),
    Exposure::new("/server.key", &rules::EXPOSED_SECRETS, private_key),
    Exposure::new("/backup.zip", &rules::EXPOSED_BACKUP, archive),
    Exposure::new("/backup.tar.gz", &rules::EXPOSED_BACKUP, archive),
    Exposure::new("/backup.sql", &rules::EXPOSED_BACKUP, dump),
    Exposure::new("/dump.sql", &rules::EXPOSED_BACKUP, dump),
    Exposure::new("/wp-config.php.bak", &rules::EXPOSED_CONFIG, php_source),
    Exposure::new("/config.php.bak", &rules::EXPOSED_CONFIG, php_source),
    Exposure::new("/web.config", &rules::EXPOSED_CONFIG, web_config),
    Exposure::new("/WEB-INF/web.xml", &rules::EXPOSED_CONFIG, web_xml),
    Exposure::new("/server-status", &rules::EXPOSED_STATUS, apache_status),
    Exposure::new("/nginx_status", &rules::EXPOSED_STATUS, nginx_status),
    Exposure::new("/metrics", &rules::EXPOSED_STATUS, metrics),
    Exposure::new("/actuator/env", &rules::EXPOSED_STATUS, actuator),
    Exposure::new("/debug/pprof/", &rules::EXPOSED_STATUS, profiles),
    Exposure::new("/phpinfo.php", &rules::EXPOSED_PHPINFO, phpinfo),
    Exposure::new("/info.php", &rules::EXPOSED_PHPINFO, phpinfo),
    Exposure::new("/.DS_Store", &rules::EXPOSED_DS_STORE, ds_store),
];

/// Services that speak HTTP and let everybody in. That etcd is there is no proof yet that it lets everybody in.
pub const DOCKER: Exposure = Exposure::new("/version", &rules::DOCKER_NO_AUTH, docker);
/// The same path tells etcd.
pub const ETCD: Exposure = Exposure::new("/version", &rules::ETCD_NO_AUTH, etcd);
/// The number of keys, asked of etcd without naming any of them.
pub const ETCD_COUNT_PATH: &str = "/v3/kv/range";
/// From the first key to the last, and only their count.
pub const ETCD_COUNT_BODY: &str = r#"{"key":"AA==","range_end":"AA==","count_only":true}"#;

fn said(text: &str) -> Option<String> {
    Some(text.to_string())
}

/// The body as text, when it is no page for people.
fn plain(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let begin: String = text.trim_start().chars().take(15).collect::<String>().to_ascii_lowercase();
    (!begin.starts_with("<!doctype") && !begin.starts_with("<html")).then_some(text)
}

fn git_head(body: &[u8]) -> Option<String> {
    let line = plain(body)?.trim();
    let is_hash = matches!(line.len(), 40 | 64) && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_branch = line.starts_with("ref: refs/") && line.lines().count() == 1;
    (is_hash || is_branch).then(|| text::clean(line.as_bytes(), 200))
}

/// Addresses of other repositories in it may hold passwords: nothing of it is shown.
fn git_config(body: &[u8]) -> Option<String> {
    let has = |word: &str| plain(body).is_some_and(|text| text.lines().any(|line| line.trim_start().starts_with(word)));
    (has("[core]") && has("repositoryformatversion")).then(|| "settings of a repository".to_string())
}

fn sqlite(body: &[u8]) -> Option<String> {
    body.starts_with(b"SQLite format 3\0").then(|| "an SQLite database".to_string())
}

/// The form before Subversion 1.7: a number, a blank line or two, and the entry of the folder itself.
fn svn_entries(body: &[u8]) -> Option<String> {
    let lines: Vec<&str> = plain(body)?.lines().collect();
    let is_number = !lines.first()?.is_empty() && lines.first()?.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && lines.iter().take(5).any(|line| *line == "dir")).then(|| format!("format {}", lines[0]))
}

fn hg_requires(body: &[u8]) -> Option<String> {
    let words: Vec<&str> = plain(body)?.lines().collect();
    (words.contains(&"revlogv1") || words.contains(&"dotencode")).then(|| text::clean(words.join(" ").as_bytes(), 200))
}

/// Names and values of an environment; the values are left out.
fn environment(body: &[u8]) -> Option<String> {
    let mut names = Vec::new();
    let lines = plain(body)?.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines.take(200) {
        let (name, _) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name {
            return None;
        }
        names.push(text::clean(name.as_bytes(), 64));
    }
    (names.len() > 1).then(|| format!("names, without their values: {}", names.join(", ")))
}

fn aws_credentials(body: &[u8]) -> Option<String> {
    let text = plain(body)?;
    let has = |word: &str| text.lines().any(|line| line.trim_start().starts_with(word));
    (has("[") && has("aws_access_key_id")).then(|| "an access key of AWS".to_string())
}

fn password_file(body: &[u8]) -> Option<String> {
    const HASHES: &[&str] = &["$apr1$", "$2y$", "$2b$", "$2a$", "$5$", "$6$", "{SHA}"];
    let lines: Vec<&str> = plain(body)?.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let is_entry =
        |line: &&str| line.split_once(':').is_some_and(|(_, hash)| HASHES.iter().any(|begin| hash.starts_with(begin)));
    (!lines.is_empty() && lines.iter().all(is_entry))
        .then(|| format!("{} users with the hashes of their passwords", lines.len()))
}

fn private_key(body: &[u8]) -> Option<String> {
    let first = plain(body)?.trim_start().lines().next()?;
    (first.starts_with("-----BEGIN ") && first.ends_with("PRIVATE KEY-----")).then(|| first.to_string())
}

fn archive(body: &[u8]) -> Option<String> {
    match body {
        [b'P', b'K', 3, 4, ..] => said("a zip archive"),
        [0x1f, 0x8b, 8, ..] => said("a gzip archive"),
        _ => None,
    }
}

fn dump(body: &[u8]) -> Option<String> {
    const MARKS: &[&str] =
        &["-- MySQL dump", "-- MariaDB dump", "-- PostgreSQL database dump", "CREATE TABLE ", "INSERT INTO "];
    // A dump is cut at the cap, perhaps inside a character.
    let text = String::from_utf8_lossy(body);
    let mark = MARKS.iter().find(|mark| text.contains(**mark))?;
    plain(text.as_bytes()).map(|_| format!("holds: {}", mark.trim()))
}

fn php_source(body: &[u8]) -> Option<String> {
    plain(body)?.trim_start().starts_with("<?php").then(|| "source of PHP".to_string())
}

fn web_config(body: &[u8]) -> Option<String> {
    let text = plain(body)?;
    (text.contains("<configuration") && text.contains("<system.web")).then(|| "settings of IIS".to_string())
}

fn web_xml(body: &[u8]) -> Option<String> {
    let text = plain(body)?;
    (text.contains("<web-app") && text.contains("<servlet")).then(|| "a descriptor of a Java application".to_string())
}

/// Whether all of these words stand in the page.
fn holds(body: &[u8], words: &[&str]) -> bool {
    let text = String::from_utf8_lossy(body);
    words.iter().all(|word| text.contains(word))
}

fn apache_status(body: &[u8]) -> Option<String> {
    holds(body, &["Apache Server Status for", "Server uptime:"]).then(|| "Apache's server status".to_string())
}

fn nginx_status(body: &[u8]) -> Option<String> {
    holds(body, &["Active connections:", "server accepts handled requests"]).then(|| "nginx's stub status".to_string())
}

fn metrics(body: &[u8]) -> Option<String> {
    let count = plain(body)?.lines().filter(|line| line.starts_with("# TYPE ")).count();
    (count > 0 && holds(body, &["# HELP "])).then(|| format!("{count} metrics in the form of Prometheus"))
}

fn actuator(body: &[u8]) -> Option<String> {
    json(body)?.get("propertySources")?.as_array().map(|sources| format!("{} sources of settings", sources.len()))
}

fn profiles(body: &[u8]) -> Option<String> {
    holds(body, &["Types of profiles available", "goroutine"]).then(|| "profiles of a Go program".to_string())
}

fn phpinfo(body: &[u8]) -> Option<String> {
    holds(body, &["phpinfo()", "PHP Version"]).then(|| "the page of phpinfo()".to_string())
}

fn ds_store(body: &[u8]) -> Option<String> {
    body.starts_with(b"\0\0\0\x01Bud1").then(|| "a .DS_Store".to_string())
}

fn json(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}

fn docker(body: &[u8]) -> Option<String> {
    let version = json(body)?;
    let api = version.get("ApiVersion")?.as_str()?;
    version.get("MinAPIVersion")?;
    let engine = version.get("Version").and_then(Value::as_str).unwrap_or_default();
    Some(text::clean(format!("Docker {engine}, API {api}").as_bytes(), 200))
}

fn etcd(body: &[u8]) -> Option<String> {
    let version = json(body)?;
    version.get("etcdcluster")?;
    Some(text::clean(format!("etcd {}", version.get("etcdserver")?.as_str()?).as_bytes(), 200))
}

/// Whether etcd has counted its keys; how many it said there are.
pub fn etcd_count(answer: &Answer) -> Option<String> {
    let range = json(&answer.body).filter(|_| answer.status == 200)?;
    range.get("header")?.get("cluster_id")?;
    // A count of zero is left out by the gateway.
    let count = range.get("count").and_then(Value::as_str).unwrap_or("0");
    Some(text::clean(format!("{count} keys").as_bytes(), 64))
}

/// The start page of Elasticsearch and OpenSearch.
pub fn elasticsearch(answer: &Answer) -> Option<String> {
    let page = json(&answer.body).filter(|_| answer.status == 200)?;
    let cluster = page.get("cluster_name")?.as_str()?;
    let version = page.get("version")?;
    let number = version.get("number")?.as_str()?;
    let is_fork = version.get("distribution").and_then(Value::as_str) == Some("opensearch");
    version.get("lucene_version")?;
    let product = if is_fork { "OpenSearch" } else { "Elasticsearch" };
    Some(text::clean(format!("{product} {number}, cluster {cluster}").as_bytes(), 200))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(status: u16, body: &[u8]) -> Answer {
        Answer { status, headers: Vec::new(), is_head_whole: true, body: body.to_vec() }
    }

    fn exposure(path: &str) -> &'static Exposure {
        FILES.iter().find(|exposure| exposure.path == path).unwrap()
    }

    const REAL: &[(&str, &[u8])] = &[
        ("/.git/HEAD", b"ref: refs/heads/main\n"),
        ("/.git/HEAD", b"0123456789abcdef0123456789abcdef01234567\n"),
        (
            "/.git/config",
            b"[core]\n\trepositoryformatversion = 0\n[remote \"origin\"]\n\turl = https://a:s3cret-value@git.example.test/\n",
        ),
        ("/.svn/wc.db", b"SQLite format 3\0\x10"),
        ("/.svn/entries", b"10\n\ndir\n3\n"),
        ("/.hg/requires", b"dotencode\nrevlogv1\nstore\n"),
        ("/.env", b"# settings\nAPP_ENV=production\nDB_PASSWORD=s3cret-value\n"),
        ("/.aws/credentials", b"[default]\naws_access_key_id = s3cret-value\n"),
        ("/.htpasswd", b"admin:$apr1$s3cret-value$x\n"),
        ("/id_rsa", b"-----BEGIN OPENSSH PRIVATE KEY-----\ns3cret-value\n"),
        ("/backup.zip", b"PK\x03\x04\x14"),
        ("/backup.tar.gz", b"\x1f\x8b\x08\0"),
        ("/backup.sql", b"-- MySQL dump 10.13\nINSERT INTO a VALUES ('s3cret-value');\xff"),
        ("/config.php.bak", b"<?php\n$password = 's3cret-value';\n"),
        ("/web.config", b"<?xml version=\"1.0\"?><configuration><system.web/></configuration>"),
        ("/WEB-INF/web.xml", b"<web-app><servlet/></web-app>"),
        ("/server-status", b"<html><h1>Apache Server Status for a.test</h1><dt>Server uptime: 1 s</dt>"),
        ("/nginx_status", b"Active connections: 1 \nserver accepts handled requests\n 1 1 1\n"),
        ("/metrics", b"# HELP a b\n# TYPE a counter\na 1\n"),
        ("/actuator/env", b"{\"activeProfiles\":[],\"propertySources\":[{\"name\":\"x\"}]}"),
        ("/debug/pprof/", b"<html>Types of profiles available: goroutine"),
        ("/phpinfo.php", b"<html><title>phpinfo()</title><h1>PHP Version 8.2</h1>"),
        ("/.DS_Store", b"\0\0\0\x01Bud1\0"),
    ];

    #[test]
    fn every_file_is_known_by_its_content_and_no_secret_is_kept() {
        for (path, body) in REAL {
            let proof = exposure(path).proof(&page(200, body), None);
            assert!(proof.as_deref().is_some_and(|proof| !proof.contains("s3cret")), "{path}: {proof:?}");
            assert_eq!(exposure(path).proof(&page(404, body), None), None, "{path}");
        }
        let proofs: std::collections::BTreeSet<usize> =
            REAL.iter().map(|(path, _)| exposure(path).proof as usize).collect();
        let all: std::collections::BTreeSet<usize> = FILES.iter().map(|exposure| exposure.proof as usize).collect();
        assert_eq!(proofs, all, "a proof has no example");
    }

    #[test]
    fn a_page_that_says_yes_to_everything_is_no_file() {
        let pages: &[&[u8]] = &[
            b"<!doctype html><html><body>Not found. Try ref: refs/heads, DB_PASSWORD=x or phpinfo</body></html>",
            b"<HTML>INSERT INTO a; CREATE TABLE b</HTML>",
            b"{\"error\":\"not found\"}",
            b"ok",
            b"",
            b"key=value",
        ];
        for exposure in FILES {
            for body in pages {
                assert_eq!(exposure.proof(&page(200, body), None), None, "{} {:?}", exposure.path, body);
            }
        }
        let nothing = page(200, b"ref: refs/heads/main\n");
        assert_eq!(exposure("/.git/HEAD").proof(&nothing, Some(&nothing)), None);
    }

    #[test]
    fn services_are_known_by_their_json() {
        let docker = page(200, br#"{"Version":"27.1","ApiVersion":"1.46","MinAPIVersion":"1.24"}"#);
        assert_eq!(DOCKER.proof(&docker, None).as_deref(), Some("Docker 27.1, API 1.46"));
        let etcd = page(200, br#"{"etcdserver":"3.5.1","etcdcluster":"3.5.0"}"#);
        assert_eq!((ETCD.proof(&etcd, None).as_deref(), DOCKER.proof(&etcd, None)), (Some("etcd 3.5.1"), None));
        let range = page(200, br#"{"header":{"cluster_id":"1"},"count":"12"}"#);
        assert_eq!(etcd_count(&range).as_deref(), Some("12 keys"));
        assert_eq!(etcd_count(&page(400, &range.body)), None);
        let node = page(200, br#"{"cluster_name":"logs","version":{"number":"8.1","lucene_version":"9"}}"#);
        assert_eq!(elasticsearch(&node).as_deref(), Some("Elasticsearch 8.1, cluster logs"));
        assert_eq!(elasticsearch(&page(401, &node.body)), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,60}") {
            for body in [bytes.as_slice(), text.as_bytes()] {
                let answer = page(200, body);
                for exposure in FILES.iter().chain([&DOCKER, &ETCD]) {
                    let _ = exposure.proof(&answer, None);
                }
                let _ = (etcd_count(&answer), elasticsearch(&answer));
            }
        }
    }
}
