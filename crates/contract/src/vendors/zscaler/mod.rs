//! Zscaler OneAPI: six tables of its error reference, one per service and the common one that the others fall back on.

mod cbc;
mod common;
mod other;
mod shared;
mod zcc;
mod zia;
mod zidentity;
mod zpa;

use crate::catalogue::Row;

pub(super) static TABLES: &[&[Row]] =
    &[common::ROWS, zia::ROWS, zpa::ROWS, zcc::ROWS, cbc::ROWS, zidentity::ROWS, other::ROWS];
