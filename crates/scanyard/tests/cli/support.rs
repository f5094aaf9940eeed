//! What the tests share: the binary, a server of it, and things to scan.

use assert_cmd::Command;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use scanyard_engines::process::sweep;
use scanyard_server::config::Config;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use tempfile::TempDir;

/// The binary, without any setting of whoever runs the tests.
pub fn scanyard(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scanyard"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SCANYARD_")) {
        command.env_remove(name);
    }
    command.args(args);
    command
}

/// What it printed to stdout, and its exit code.
pub fn run(args: &[&str]) -> (String, i32) {
    let output = scanyard(args).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

/// What it printed to stderr, and its exit code.
pub fn fail(args: &[&str]) -> (String, i32) {
    let output = scanyard(args).output().unwrap();
    (String::from_utf8(output.stderr).unwrap(), output.status.code().unwrap())
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A port that nobody listens on.
pub fn closed_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// The answer of a server to a POST of JSON, as it comes.
pub fn post(url: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A web server that says hello and nothing about security; lives as long as the tests.
pub fn bare_web_server() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let answer = "HTTP/1.1 200 OK\r\nserver: bare/1.0\r\nset-cookie: sid=1\r\ncontent-length: 5\r\n\
                              content-type: text/html\r\nconnection: close\r\n\r\nhello";
                // Clients that only look whether the port is open hang up first.
                if stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
        }
    });
    port
}

/// A scan that lasts longer than any test waits: a network on loopback at 20 probes a second.
pub const SLOW: [&str; 9] =
    ["scan", "nmap", "127.0.0.0/28", "-o", "ports=1-2000", "-o", "maxRate=20", "--format", "json"];

/// Starts the binary and leaves it running.
pub fn start(args: &[&str]) -> Child {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_scanyard"));
    command.env_clear().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Ctrl-C.
pub fn interrupt(process: &Child) {
    kill(Pid::from_raw(process.id() as i32), Signal::SIGINT).unwrap();
}

/// Looks again until it is so, for at most 10 s.
pub fn wait_until(otherwise: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{otherwise}");
}

/// Removes the job folders of a data folder whose server is dead, and what of them still runs.
pub fn leave_jobs_dir(data_dir: &Path) {
    let config = Config { data_dir: data_dir.to_path_buf(), ..Config::default() };
    let _ = sweep(&config.jobs_dir());
    config.leave_jobs_dir();
}

/// A server of the binary with an empty database.
pub struct Server {
    process: Child,
    pub url: String,
    pub key: String,
    pub dir: TempDir,
}

impl Server {
    pub fn start() -> Server {
        Server::start_in(tempfile::tempdir().unwrap())
    }

    pub fn start_in(dir: TempDir) -> Server {
        Server::start_with(dir, &[])
    }

    pub fn start_with(dir: TempDir, more: &[&str]) -> Server {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_scanyard"));
        command.env_clear().args(["serve", "--listen", "127.0.0.1:0", "--log-level", "warn", "--data-dir"]);
        command.arg(dir.path().join("data")).arg("--bootstrap-key-file").arg(dir.path().join("key")).args(more);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.map(Result::unwrap).find(|line| line.contains("listens on")).unwrap();
        let url = line[line.find("http").unwrap()..].trim().to_string();
        let key = std::fs::read_to_string(dir.path().join("key")).unwrap().trim().to_string();
        Server { process, url, key, dir }
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id() as i32), signal).unwrap();
    }

    /// SIGTERM; gives the exit code and the folder.
    pub fn stop(mut self) -> (Option<i32>, TempDir) {
        self.signal(Signal::SIGTERM);
        let code = self.process.wait().unwrap().code();
        (code, std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already waited for when it was stopped.
        let _ = self.process.kill();
        let _ = self.process.wait();
        leave_jobs_dir(&self.dir.path().join("data"));
    }
}
