//! The supervisor as a program of its own; the product's binary calls the same function.

use std::process::ExitCode;

fn main() -> ExitCode {
    scanyard_engines::process::supervise::main()
}
