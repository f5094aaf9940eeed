//! Rules about services that are not the web.

use super::Rule;
use scanyard_contract::finding::Severity;

/// Redis answers without a login.
pub const REDIS_NO_AUTH: Rule = Rule {
    id: "redis-no-auth",
    title: "Redis answers without a login",
    severity: Severity::High,
    cwe: &["CWE-306"],
    about: "Redis answered PING and INFO to a client that had not logged in. Whoever reaches the port can read and change all data and, with the configuration commands, often write files on the server.",
    remediation: "Require a login (`requirepass` or ACLs), bind Redis to the addresses that need it, and leave protected mode on.",
    reference: "https://redis.io/docs/latest/operate/oss_and_stack/management/security/",
};

/// Memcached answers without a login.
pub const MEMCACHED_NO_AUTH: Rule = Rule {
    id: "memcached-no-auth",
    title: "Memcached answers without a login",
    severity: Severity::High,
    cwe: &["CWE-306"],
    about: "Memcached told its version to a client that had not logged in. Whoever reaches the port can read, change and empty the cache, sessions included.",
    remediation: "Bind memcached to the addresses that need it, turn SASL on, and switch UDP off.",
    reference: "https://docs.memcached.org/features/sasl/",
};

/// The rules of this file, in the order of the docs.
pub const SERVICE_RULES: &[&Rule] = &[&REDIS_NO_AUTH, &MEMCACHED_NO_AUTH];
