//! Services that are not the web, behind a port.

use super::{ANSWER, Visit};
use crate::sentinel::options::Check;
use crate::sentinel::rules::{self, Rule};
use crate::sentinel::services::{Login, caches, ftp, ldap, mongodb, rsync, smtp};

/// Services that say nothing until they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quiet {
    Redis,
    Memcached,
    MongoDb,
    Ldap,
}

impl Quiet {
    const ALL: [Quiet; 4] = [Quiet::Redis, Quiet::Memcached, Quiet::MongoDb, Quiet::Ldap];

    /// The service that is at home on this port: it is asked before anything else.
    pub(super) fn at_home(port: u16) -> Option<Quiet> {
        match port {
            6379 => Some(Quiet::Redis),
            11211 => Some(Quiet::Memcached),
            27017..=27019 => Some(Quiet::MongoDb),
            389 | 3268 => Some(Quiet::Ldap),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Quiet::Redis => "redis",
            Quiet::Memcached => "memcached",
            Quiet::MongoDb => "mongodb",
            Quiet::Ldap => "ldap",
        }
    }

    fn rule(self) -> &'static Rule {
        match self {
            Quiet::Redis => &rules::REDIS_NO_AUTH,
            Quiet::Memcached => &rules::MEMCACHED_NO_AUTH,
            Quiet::MongoDb => &rules::MONGODB_NO_AUTH,
            Quiet::Ldap => &rules::LDAP_ANONYMOUS,
        }
    }
}

impl Visit<'_> {
    /// Asks for every service that says nothing until it is asked.
    pub(super) async fn quiet_services(&mut self) {
        for service in Quiet::ALL {
            if self.quiet_service(service).await {
                return;
            }
        }
    }

    /// Asks for one service; `true` when it is there.
    pub(super) async fn quiet_service(&mut self, service: Quiet) -> bool {
        if !self.wants(Check::Services) {
            return false;
        }
        let login = match service {
            Quiet::Redis => caches::redis(self.address(), ANSWER).await,
            Quiet::Memcached => caches::memcached(self.address(), ANSWER).await,
            Quiet::MongoDb => mongodb::ask(self.address(), ANSWER).await,
            Quiet::Ldap => ldap::ask(self.address(), ANSWER).await,
        };
        if login == Login::Other {
            return false;
        }
        self.place.service = Some(service.name().to_string());
        if let Login::NotRequired(evidence) = login {
            self.find(service.rule(), &evidence);
        }
        true
    }

    /// Asks a service that has greeted, by what it called itself.
    pub(super) async fn greeting_service(&mut self) {
        if !self.wants(Check::Services) {
            return;
        }
        match self.place.service.as_deref() {
            Some("ftp") => {
                if let Login::NotRequired(evidence) = ftp::ask(self.address(), ANSWER).await {
                    self.find(&rules::FTP_ANONYMOUS, &evidence);
                }
            }
            Some("smtp") => self.smtp().await,
            Some("rsync") => self.rsync().await,
            Some("telnet") => {
                let evidence = self.report.banner.clone().unwrap_or_default();
                self.find(&rules::TELNET, if evidence.is_empty() { "the options of Telnet" } else { &evidence });
            }
            Some(_) | None => {}
        }
    }

    async fn smtp(&mut self) {
        let mail = smtp::ask(self.address(), ANSWER).await.unwrap_or_default();
        if let Some(evidence) = mail.verifies {
            self.find(&rules::SMTP_VRFY, &evidence);
        }
        if let Some(evidence) = mail.without_starttls {
            self.find(&rules::SMTP_NO_STARTTLS, &evidence);
        }
    }

    async fn rsync(&mut self) {
        let modules = rsync::ask(self.address(), ANSWER).await;
        if !modules.names.is_empty() {
            self.find(&rules::RSYNC_MODULES, &modules.names.join("\n"));
        }
        if !modules.open.is_empty() {
            self.find(&rules::RSYNC_NO_AUTH, &modules.open.join("\n"));
        }
    }
}
