//! Arctic Wolf: the Aurora Endpoint Defense API of the error reference, and the APIs of its managed services.

mod aurora;
mod managed;

use crate::catalogue::Row;

pub(super) static TABLES: &[&[Row]] = &[aurora::ROWS, managed::ROWS];
