//! The vendors' clients against servers that answer, and fail, as the vendors do.

mod arctic_wolf;
mod example;
mod fake;
mod secrets;
mod tenable;
mod tenable_exports;
mod transport;
mod zscaler;

use scanyard_client::{Retrying, Settings};
use std::time::Duration;

/// Settings whose own pauses are milliseconds; what a server states is waited for as it says.
pub fn quick() -> Settings {
    let ms = Duration::from_millis;
    let retrying = Retrying { base: ms(1), lock_base: ms(2), ..Retrying::default() };
    Settings { retrying, ..Settings::default() }
}
