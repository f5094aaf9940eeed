//! The layers as a user meets them.

use super::*;
use std::io::Write;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn problems(layers: &Layers) -> String {
    layers.load().unwrap_err().to_string()
}

#[test]
fn the_default_file_equals_the_defaults() {
    let parsed: Config = toml::from_str(DEFAULT_FILE).unwrap();
    assert_eq!(parsed, Config::default());
    assert_eq!(Config::default().faults(), []);
    assert_eq!(Layers::default().load().unwrap().config, Config::default());
}

#[test]
fn an_option_wins_over_the_environment_over_the_file_over_the_default() {
    let file = file("listen = \"127.0.0.1:1\"\n[worker]\nconcurrency = 1\nper_host = 1\n[limits]\nper_minute = 1\n");
    let layers = Layers {
        file: Some(file.path().into()),
        env: pairs(&[("SCANYARD_WORKER_CONCURRENCY", "2"), ("SCANYARD_WORKER_PER_HOST", "2"), ("PATH", "x")]),
        options: pairs(&[("worker.concurrency", "3"), ("dns.servers", "127.0.0.1:53, [::1]:53")]),
    };
    let config = layers.load().unwrap().config;
    assert_eq!((config.worker.concurrency, config.worker.per_host), (3, 2));
    assert_eq!((config.limits.per_minute, config.limits.per_hour), (1, 18_000));
    assert_eq!(config.listen.port(), 1);
    assert_eq!(config.dns.servers, ["127.0.0.1:53".parse().unwrap(), "[::1]:53".parse().unwrap()]);
}

#[test]
fn every_problem_is_reported_with_its_setting_its_source_and_what_is_right() {
    let file =
        file("listn = 1\ndata_dir = 5\nworker = 3\n[http]\nheader_timeout = \"soon\"\n[log]\nformat = \"xml\"\n");
    let path = file.path().display().to_string();
    let layers = Layers {
        file: Some(file.path().into()),
        env: pairs(&[("SCANYARD_WORKER_LEASE_MS", "often"), ("SCANYARD_LISTEN", "here")]),
        options: pairs(&[("worker.heartbeat_ms", "99"), ("worker.concurency", "2"), ("limits.per_day", "-1")]),
    };
    let text = problems(&layers);
    for line in [
        format!("listn (from {path}): no such setting; did you mean listen?"),
        format!("data_dir (from {path}): is of type integer, but must be a text"),
        format!("worker (from {path}): is a section, written [worker]"),
        format!("http.header_timeout (from {path}): \"soon\" is not a duration; write a number and its unit"),
        format!("log.format (from {path}): \"xml\" unknown variant `xml`, expected `text` or `json`"),
        "worker.lease_ms (from SCANYARD_WORKER_LEASE_MS): must be a whole number".to_string(),
        "listen (from SCANYARD_LISTEN): \"here\" invalid socket address syntax".to_string(),
        "worker.heartbeat_ms (from --worker-heartbeat-ms): 99 must be at least 100 and less than half".to_string(),
        "worker.concurency (from --set): no such setting; did you mean worker.concurrency?".to_string(),
        "limits.per_day (from --limits-per-day): -1 invalid value: integer `-1`, expected u32".to_string(),
    ] {
        assert!(text.contains(&line), "{line}\nis not in\n{text}");
    }
    assert_eq!(text.lines().count(), 11, "{text}");
}

#[test]
fn an_unknown_variable_of_ours_is_a_warning() {
    let layers = Layers {
        env: pairs(&[("SCANYARD_DATABSE_URL", "x"), ("SCANYARD_API_KEY", "x"), ("OTHER", "x")]),
        ..Layers::default()
    };
    let warnings = layers.load().unwrap().warnings;
    assert_eq!(warnings, ["SCANYARD_DATABSE_URL is no setting and is ignored; did you mean SCANYARD_DATABASE_URL?"]);
}

#[test]
fn a_password_in_the_database_url_is_never_shown() {
    let wrong = Layers { options: pairs(&[("database.url", "mysql://u:hunter2@h/d")]), ..Layers::default() };
    let text = problems(&wrong);
    assert!(text.contains("database.url (from --database-url): must begin with"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");

    let broken = file("[database]\nurl = postgres://u:hunter2@h/d\n");
    let text = problems(&Layers { file: Some(broken.path().into()), ..Layers::default() });
    assert!(text.contains("line 2") && !text.contains("hunter2"), "{text}");

    let right = Layers { options: pairs(&[("database.url", "postgres://u:hunter2@h/d")]), ..Layers::default() };
    let config = right.load().unwrap().config;
    assert!(!format!("{config:?} {right:?}").contains("hunter2"));
    assert_eq!(config.database_url().expose(), "postgres://u:hunter2@h/d");
}

#[test]
fn a_database_that_is_no_file_is_refused() {
    for url in ["sqlite:", "sqlite://", "sqlite::memory:", "sqlite://:memory:"] {
        let text = problems(&Layers { options: pairs(&[("database.url", url)]), ..Layers::default() });
        assert!(text.contains("names no file: write sqlite:///path/to/file.db"), "{text}");
    }
}

#[test]
fn without_a_url_the_database_is_a_file_in_the_data_folder() {
    let layers = Layers { options: pairs(&[("data_dir", "/var/lib/scanyard")]), ..Layers::default() };
    assert_eq!(layers.load().unwrap().config.database_url().expose(), "sqlite:///var/lib/scanyard/scanyard.db");
}

#[test]
fn a_log_level_is_a_level_and_not_any_word() {
    let load = |level| Layers { options: pairs(&[("log.level", level)]), ..Layers::default() }.load();
    for level in ["debug", "off", "info,scanyard_server=debug", "WARN"] {
        assert!(load(level).is_ok(), "{level}");
    }
    for level in ["", "loud", "info,scanyard_server", "info,"] {
        assert!(load(level).is_err(), "{level}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let text = problems(&Layers { file: Some("/no/such/file.toml".into()), ..Layers::default() });
    assert!(text.contains("/no/such/file.toml: No such file"), "{text}");
}

#[test]
fn plain_http_is_served_on_loopback_or_behind_a_proxy_alone() {
    let check = |options: &[(&str, &str)]| {
        let layers = Layers { options: pairs(options), ..Layers::default() };
        layers.load().unwrap().config.check_role(Role::Serve)
    };
    let tls: &[(&str, &str)] = &[("tls.cert", "c.pem"), ("tls.key", "k.pem")];
    for listen in ["127.0.0.1:80", "127.9.9.9:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
        assert_eq!(check(&[("listen", listen)]), Ok(()), "{listen}");
    }
    for listen in ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "[::ffff:192.0.2.1]:80"] {
        let listen = ("listen", listen);
        let text = check(&[listen]).unwrap_err().to_string();
        for way_out in ["--tls-cert", "127.0.0.1", "http.trusted_proxies", "http.behind_proxy"] {
            assert!(text.contains(way_out), "{text}");
        }
        assert_eq!(check(&[&[listen], tls].concat()), Ok(()));
        assert_eq!(check(&[listen, ("http.trusted_proxies", "192.0.2.0/24")]), Ok(()));
        assert_eq!(check(&[listen, ("http.behind_proxy", "true")]), Ok(()));
    }
}

#[test]
fn a_certificate_and_its_key_are_set_together() {
    let cert = Layers { options: pairs(&[("tls.cert", "c.pem")]), ..Layers::default() };
    assert!(
        problems(&cert).contains("tls.key (from the default): \"\" is missing: tls.cert is nothing without its key")
    );
    let key = Layers { options: pairs(&[("tls.key", "k.pem")]), ..Layers::default() };
    assert!(problems(&key).contains("tls.cert (from the default): \"\" is missing"));
}

#[test]
fn half_of_kafkas_settings_name_what_is_missing() {
    let faults = |options: &[(&str, &str)]| problems(&Layers { options: pairs(options), ..Layers::default() });
    let postgres = ("database.url", "postgres://127.0.0.1/x");
    let broker = ("queue.kafka.brokers", "kafka-1.example.test:9092");
    assert!(
        faults(&[postgres, ("queue.kafka.username", "u")])
            .contains("queue.kafka.brokers (from the default): [] is missing")
    );
    assert!(faults(&[broker]).contains("needs database.url = postgres://"), "{}", faults(&[broker]));
    for broker in ["kafka-1", "kafka://127.0.0.1:9092", "kafka-1:9092/x", "a b:9092", "::1:9092", "[x]:9092"] {
        let text = faults(&[postgres, ("queue.kafka.brokers", broker)]);
        assert!(text.contains("must be brokers such as"), "{broker}: {text}");
    }
    let right = [postgres, ("queue.kafka.brokers", "kafka_1.example.test:9092,127.0.0.1:9093,[::1]:9094")];
    assert!(Layers { options: pairs(&right), ..Layers::default() }.load().is_ok());
    let half = faults(&[postgres, broker, ("queue.kafka.security", "sasl-plain"), ("queue.kafka.username", "u")]);
    assert!(half.contains("queue.kafka.password (from the default): is missing"), "{half}");
    let unused = faults(&[postgres, broker, ("queue.kafka.username", "u"), ("queue.kafka.password", "a-word")]);
    assert!(unused.contains(
        "queue.kafka.username (from --queue-kafka-username): \"u\" is set, and queue.kafka.security has no login"
    ));
    assert!(unused.contains("queue.kafka.password") && !unused.contains("a-word"), "{unused}");
    let ca = faults(&[postgres, broker, ("queue.kafka.ca_file", "ca.pem")]);
    assert!(ca.contains("queue.kafka.security is not encrypted"), "{ca}");
}

#[test]
#[cfg(all(feature = "kafka", not(feature = "kafka-tls")))]
fn tls_for_kafka_without_its_feature_names_the_feature() {
    let options = [
        ("database.url", "postgres://127.0.0.1/x"),
        ("queue.kafka.brokers", "127.0.0.1:9092"),
        ("queue.kafka.security", "tls-scram-sha-512"),
        ("queue.kafka.username", "u"),
        ("queue.kafka.password", "p"),
    ];
    let text = problems(&Layers { options: pairs(&options), ..Layers::default() });
    assert!(
        text.contains("queue.kafka.security") && text.contains("needs a build with the feature kafka-tls"),
        "{text}"
    );
}
