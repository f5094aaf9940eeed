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

/// MongoDB answers without a login.
pub const MONGODB_NO_AUTH: Rule = Rule {
    id: "mongodb-no-auth",
    title: "MongoDB answers without a login",
    severity: Severity::High,
    cwe: &["CWE-306"],
    about: "MongoDB named its databases to a client that had not logged in. Whoever reaches the port can read, change and delete all data; such servers are found and held to ransom within hours.",
    remediation: "Turn authorization on (`security.authorization: enabled`), create users, and bind MongoDB to the addresses that need it.",
    reference: "https://www.mongodb.com/docs/manual/administration/security-checklist/",
};

/// LDAP directory is searched without a login.
pub const LDAP_ANONYMOUS: Rule = Rule {
    id: "ldap-anonymous-search",
    title: "LDAP directory is searched without a login",
    severity: Severity::Medium,
    cwe: &["CWE-306"],
    about: "After an anonymous bind the directory showed an entry below one of its roots. Directories hold names, addresses and groups, which is what an attacker needs to guess passwords and write mails. No attribute was asked for.",
    remediation: "Allow anonymous clients the root DSE at most, and require a bind for everything below.",
    reference: "https://www.rfc-editor.org/rfc/rfc4513#section-6.3.1",
};

/// FTP lets anybody in.
pub const FTP_ANONYMOUS: Rule = Rule {
    id: "ftp-anonymous",
    title: "FTP lets anybody in",
    severity: Severity::Medium,
    cwe: &["CWE-306"],
    about: "The server accepted the user `anonymous` with any password. What is there is public, and where anonymous users may write, the server is used to pass on other people's files. Nothing was listed or read.",
    remediation: "Switch anonymous logins off, or make sure that they see one public folder, read-only.",
    reference: "https://www.rfc-editor.org/rfc/rfc2577#section-9",
};

/// rsync names its modules.
pub const RSYNC_MODULES: Rule = Rule {
    id: "rsync-modules-listed",
    title: "rsync names its modules",
    severity: Severity::Low,
    cwe: &["CWE-200"],
    about: "The rsync daemon listed its modules to everybody. Their names and comments tell what is kept there, and each is one to try.",
    remediation: "Set `list = no` for modules that are not public, and restrict them with `hosts allow`.",
    reference: "https://download.samba.org/pub/rsync/rsyncd.conf.5",
};

/// rsync module asks for no login.
pub const RSYNC_NO_AUTH: Rule = Rule {
    id: "rsync-no-auth",
    title: "rsync module asks for no login",
    severity: Severity::High,
    cwe: &["CWE-306"],
    about: "One of the first modules that the rsync daemon lists let the scanning machine in without a user or a password. Its files can be read by everybody, and written where the module is not read-only. No file list was asked for.",
    remediation: "Set `auth users` and `secrets file` for the module, restrict it with `hosts allow`, and keep it read-only.",
    reference: "https://download.samba.org/pub/rsync/rsyncd.conf.5",
};

/// Mail server tells who has a mailbox.
pub const SMTP_VRFY: Rule = Rule {
    id: "smtp-vrfy",
    title: "Mail server tells who has a mailbox",
    severity: Severity::Info,
    cwe: &["CWE-204"],
    about: "The server confirms `postmaster` to VRFY and denies a made-up name, so a list of names can be sorted into those that exist and those that do not. No mail was begun.",
    remediation: "Switch VRFY off (`disable_vrfy_command = yes` in Postfix), or have it always answer 252.",
    reference: "https://www.rfc-editor.org/rfc/rfc5321#section-7.3",
};

/// Mail server does not offer STARTTLS.
pub const SMTP_NO_STARTTLS: Rule = Rule {
    id: "smtp-no-starttls",
    title: "Mail server does not offer STARTTLS",
    severity: Severity::Low,
    cwe: &["CWE-319"],
    about: "The answer to EHLO does not list STARTTLS, so mail and passwords go over the line in clear.",
    remediation: "Give the server a certificate and switch STARTTLS on.",
    reference: "https://www.rfc-editor.org/rfc/rfc3207",
};

/// Telnet is offered.
pub const TELNET: Rule = Rule {
    id: "telnet-open",
    title: "Telnet is offered",
    severity: Severity::Medium,
    cwe: &["CWE-319"],
    about: "The port greets with Telnet's negotiation or a login prompt. Names, passwords and everything that is typed go over the line in clear.",
    remediation: "Switch Telnet off and use SSH.",
    reference: "https://cwe.mitre.org/data/definitions/319.html",
};

/// Elasticsearch answers without a login.
pub const ELASTICSEARCH_NO_AUTH: Rule = Rule {
    id: "elasticsearch-no-auth",
    title: "Elasticsearch answers without a login",
    severity: Severity::High,
    cwe: &["CWE-306"],
    about: "The start page of an Elasticsearch or OpenSearch node came without a login. Whoever reaches the port can as a rule read, change and delete every index.",
    remediation: "Turn the security features on (they are by default since version 8), and bind the node to the addresses that need it.",
    reference: "https://www.elastic.co/docs/deploy-manage/security",
};

/// etcd answers without a login.
pub const ETCD_NO_AUTH: Rule = Rule {
    id: "etcd-no-auth",
    title: "etcd answers without a login",
    severity: Severity::High,
    cwe: &["CWE-306"],
    about: "etcd counted its keys for a client that had not logged in; no key and no value was asked for. etcd holds a cluster's secrets, and whoever writes to it commands the cluster.",
    remediation: "Require client certificates (`--client-cert-auth`) or turn authentication on, and bind etcd to the addresses that need it.",
    reference: "https://etcd.io/docs/latest/op-guide/security/",
};

/// Docker API answers without a login.
pub const DOCKER_NO_AUTH: Rule = Rule {
    id: "docker-api-no-auth",
    title: "Docker API answers without a login",
    severity: Severity::Critical,
    cwe: &["CWE-306"],
    about: "The Docker daemon told its version over TCP to a client without a certificate. Whoever reaches the port can start a container that owns the machine.",
    remediation: "Take the TCP listener away, or protect it with client certificates (`--tlsverify`); use SSH from other machines.",
    reference: "https://docs.docker.com/engine/security/protect-access/",
};

/// The rules of this file, in the order of the docs.
pub const SERVICE_RULES: &[&Rule] = &[
    &REDIS_NO_AUTH,
    &MEMCACHED_NO_AUTH,
    &MONGODB_NO_AUTH,
    &LDAP_ANONYMOUS,
    &FTP_ANONYMOUS,
    &RSYNC_MODULES,
    &RSYNC_NO_AUTH,
    &SMTP_VRFY,
    &SMTP_NO_STARTTLS,
    &TELNET,
    &ELASTICSEARCH_NO_AUTH,
    &ETCD_NO_AUTH,
    &DOCKER_NO_AUTH,
];
