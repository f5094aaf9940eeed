//! Arctic Wolf: Aurora Endpoint Defense with a token, the managed services with a personal API key.

pub mod aurora;
pub mod managed;

pub use managed::Client;

use crate::settings::Settings;
use scanyard_contract::Contract;

/// Arctic Wolf says no wait with its 429: the one that its clients keep.
pub(crate) fn patient(mut settings: Settings) -> Settings {
    if settings.retrying.limit_pause.is_none() {
        settings.retrying.limit_pause = Contract::ArcticWolf.assumed_wait();
    }
    settings
}
