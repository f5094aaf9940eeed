//! A real `scanyard serve` in a folder of its own, and a few words of HTTP to talk to it.

use scanyard_server::config::Config;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The base path of every call.
const BASE: &str = "/scan-api/api/v1";

/// A running server; killed when dropped.
pub struct Server {
    pub child: Child,
    pub address: String,
    pub key: String,
    data_dir: PathBuf,
}

/// The command `scanyard serve` on a free port, with its data in `dir`.
pub fn serve_command(dir: &Path, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scanyard"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir.join("data"))
        .arg("--bootstrap-key-file")
        .arg(key_file(dir))
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

pub fn key_file(dir: &Path) -> PathBuf {
    dir.join("owner.key")
}

impl Server {
    /// Starts the server and waits until it listens.
    pub fn start(dir: &Path, settings: &[(&str, &str)]) -> Server {
        Server::of(serve_command(dir, settings), dir)
    }

    /// Waits until the command's server listens.
    pub fn of(mut command: Command, dir: &Path) -> Server {
        let mut child = command.spawn().expect("starting scanyard serve");
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let line = stdout.lines().map_while(Result::ok).find(|line| line.contains("http://"));
        let line = line.expect("scanyard serve ended before it listened");
        let address = line.split("http://").nth(1).unwrap().split(['/', ' ']).next().unwrap().to_string();
        let key = std::fs::read_to_string(key_file(dir)).expect("the key file").trim().to_string();
        Server { child, address, key, data_dir: dir.join("data") }
    }

    /// One call; answers the status and the body.
    pub fn call(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        self.try_call(method, path, body).expect("an answer")
    }

    /// One call; `None` when the server is gone before it has answered.
    pub fn try_call(&self, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
        self.try_call_with("", method, path, body)
    }

    /// One call with further headers, each ended by a line break.
    pub fn try_call_with(&self, headers: &str, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
        let (address, key) = (&self.address, &self.key);
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(
            stream,
            "{method} {BASE}{path} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n\
             {headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1).expect("a status line").parse().unwrap();
        Some((status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))))
    }

    /// Submits a scan and answers its id.
    pub fn submit(&self, body: Value) -> String {
        let (status, answer) = self.call("POST", "/scans", &body.to_string());
        assert_eq!(status, 201, "{answer}");
        answer["data"]["id"].as_str().unwrap().to_string()
    }

    /// The scan as it stands.
    pub fn scan(&self, id: &str, scan_type: &str) -> Value {
        let (status, answer) = self.call("GET", &format!("/scans/{id}?scanType={scan_type}"), "");
        assert_eq!(status, 200, "{answer}");
        answer["data"].clone()
    }

    /// Waits until the scan is as asked, at most 60 s.
    pub fn wait(&self, id: &str, scan_type: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || {
            let scan = self.scan(id, scan_type);
            is(&scan).then_some(scan)
        })
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(self.pid(), signal).unwrap();
    }

    pub fn pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(self.child.id() as i32)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        Config { data_dir: self.data_dir.clone(), ..Config::default() }.leave_jobs_dir();
    }
}

/// Polls until there is an answer, at most 60 s.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < until, "it did not come to pass in 60 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The processes whose environment names this run folder: engines and supervisors of a server with its data there.
pub fn engine_processes(port_marker: &str) -> Vec<i32> {
    let is_engine = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let zombie = state.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'));
        let words: Vec<&[u8]> = line.split(|b| *b == 0).collect();
        !zombie && words.iter().any(|w| w.ends_with(b"nmap")) && words.contains(&port_marker.as_bytes())
    };
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_engine).collect()
}
