//! The catalogues of the vendors' APIs: one table per service.

use crate::catalogue::Row;
use crate::contract::Contract;

/// The tables of a contract; the Scan API's rows stand beside its codes.
pub(crate) fn tables(contract: Contract) -> &'static [&'static [Row]] {
    match contract {
        Contract::ScanApi | Contract::Tenable | Contract::Zscaler | Contract::ArcticWolf | Contract::Pytenable => &[],
    }
}
