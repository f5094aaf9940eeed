//! sqlmap: how it is started.

mod command;

pub(crate) use command::command;
