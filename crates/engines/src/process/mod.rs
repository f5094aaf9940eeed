//! The one place that starts processes: a supervisor per run, which starts, limits and reaps the engine.
//!
//! The worker never forks an engine. [`run`] starts the program of `Job::supervisor`, which is [`supervise::main`] in a
//! process of its own: it starts the engine, listens to the worker's orders, and kills the whole tree when the worker
//! dies or freezes. What an engine is, this module must not know.

mod bounds;
mod confine;
mod job_dir;
mod lines;
mod protocol;
mod runner;
pub mod supervise;
mod sweep;
mod tree;
mod verdict;

pub use bounds::{Bound, Enforced, Limits};
pub use job_dir::JobDir;
pub use lines::Lines;
pub use protocol::Exit;
pub use runner::{Ended, Program, Run, Soft, Stdout, Stream, run, run_in_bounds};
pub use sweep::sweep;

/// Names the run in the environment of its supervisor, its engine and all that the engine starts.
pub const RUN_ID: &str = "SCANYARD_RUN_ID";
