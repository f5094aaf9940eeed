//! Commands of the binary beside a server.

use std::process::{Command, Output, Stdio};

/// Runs `scanyard` with these arguments and nothing of the environment.
pub fn scanyard(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scanyard"));
    command.env_clear().args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Its exit code, and all it said.
pub fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// A script over a SQLite file; `c` is the connection, `path` the file.
pub fn python(path: &str, script: &str) -> String {
    let script = format!("import sqlite3, sys\npath = sys.argv[1]\nc = sqlite3.connect(path)\n{script}\nc.commit()\n");
    let output = Command::new("python3").args(["-c", &script, path]).output();
    let output = output.expect("python3 is needed: apt-get install python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
