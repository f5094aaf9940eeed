//! Services that are not the web, behind a port.

use super::{ANSWER, Visit};
use crate::sentinel::options::Check;
use crate::sentinel::rules;
use crate::sentinel::services::{self, Login};

impl Visit<'_> {
    /// Asks for services that need no login; `true` when one of them is there.
    pub(super) async fn services(&mut self) -> bool {
        if !self.wants(Check::Services) {
            return false;
        }
        for (name, rule) in [("redis", &rules::REDIS_NO_AUTH), ("memcached", &rules::MEMCACHED_NO_AUTH)] {
            let login = match name {
                "redis" => services::redis(self.address(), ANSWER).await,
                _ => services::memcached(self.address(), ANSWER).await,
            };
            if login != Login::Other {
                self.place.service = Some(name.to_string());
                if let Login::NotRequired(evidence) = login {
                    self.find(rule, &evidence);
                }
                return true;
            }
        }
        false
    }
}
