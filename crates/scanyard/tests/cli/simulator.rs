//! A simulator as its own process, and requests to it as raw text.

use crate::support::json;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use scanyard_contract::Service;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// A running simulator; stopped when dropped.
pub struct Simulator {
    child: Child,
    pub address: String,
}

impl Simulator {
    pub fn start(args: &[&str]) -> Simulator {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scanyard"))
            .arg("simulate")
            .args(args)
            .args(["--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit("://").next().unwrap().to_string();
        assert!(address.starts_with("127.0.0.1:"), "{line}");
        Simulator { child, address }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let stream = TcpStream::connect(&self.address).unwrap();
        exchange(stream, method, path, headers, body)
    }

    pub fn get(&self, path: &str, headers: &[&str]) -> Answer {
        self.ask("GET", path, headers, "")
    }

    pub fn post(&self, path: &str, headers: &[&str], body: &Value) -> Answer {
        self.ask("POST", path, &[headers, &[JSON]].concat(), &body.to_string())
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

pub const JSON: &str = "content-type: application/json";
pub const FORM: &str = "content-type: application/x-www-form-urlencoded";
pub const KEYS: &str = "x-apikeys: accessKey=a; secretKey=b;";

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        json(&String::from_utf8(self.body.clone()).unwrap())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub fn exchange<S: Read + Write>(mut stream: S, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n");
    for header in headers {
        head.push_str(&format!("{header}\r\n"));
    }
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end =
        bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("no answer to {method} {path}"));
    let text = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = text.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    Answer { status, headers: http::HeaderMap::from_iter(headers), body: bytes[end + 4..].to_vec() }
}

/// A path that a service of a contract has, and by which it is known.
pub fn path_of(service: Option<Service>) -> &'static str {
    match service {
        None => "/scans",
        Some(Service::Common) => "/oauth2/v1/token",
        Some(Service::Zia) => "/zia/api/v1/urlCategories",
        Some(Service::Zpa) => "/zpa/mgmtconfig/v1/admin/customers/1/application",
        Some(Service::Zcc) => "/zcc/papi/public/v1/getDevices",
        Some(Service::Cbc) => "/ztw/api/v1/ecgroup",
        Some(Service::Zidentity) => "/ziam/admin/api/v1/users",
        Some(Service::Zdx) => "/zdx/v1/devices",
        Some(Service::Bi) => "/bi/api/v1/report",
        Some(Service::Zcell) => "/zcell/config/api/v1/sims",
        Some(Service::Easm) => "/easm/easm-ui/v1/findings",
        Some(Service::Zwa) => "/zwa/dlp/v1/incidents",
        Some(Service::Graphql) => "/zins/graphql",
        Some(Service::Aurora) => "/users/v2",
        Some(Service::Ticket) => "/api/v1/organizations/00000000-000c-4000-8000-000000000001/tickets",
        Some(Service::Organizations) => "/api/v1/organizations",
        Some(Service::DataRetrieval) => "/api/v1beta/organizations/customer1/data-sources",
        Some(Service::Reports) => "/api/v1/organizations/00000000-000c-4000-8000-000000000001/reports",
    }
}
