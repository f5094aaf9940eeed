//! Which version of an engine is installed: a short run of its program, remembered as long as the program is the same.

use crate::engine::Engine;
use crate::job::Job;
use crate::probe::Probe;
use crate::sqlmap;
use scanyard_contract::ScanType;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

/// What was asked before: the program, when it was last changed, and what it said.
static KNOWN: LazyLock<Mutex<HashMap<(PathBuf, SystemTime), String>>> = LazyLock::new(Mutex::default);

/// The version that the program at `path` states of itself, such as `7.93`; `None` when it states none, is not there or
/// takes too long.
pub async fn version(engine: &Engine, path: &Path, probe: &Probe) -> Option<String> {
    if usage(engine.scan_type).is_some() {
        return None;
    }
    let changed_at = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
    let key = (path.to_path_buf(), changed_at);
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    if known.is_some() {
        return known;
    }
    let said = ask(engine, path, probe).await?;
    let version = stated(engine, &said)?;
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(key, version.clone());
    Some(version)
}

/// The version of the program of a job; see [`version()`].
pub async fn of_job(engine: &Engine, job: &Job) -> Option<String> {
    version(engine, job.program.as_ref()?, &Probe::of_job(job)).await
}

/// Words of its usage by which an engine is known that states no version of itself.
fn usage(scan_type: ScanType) -> Option<&'static str> {
    (scan_type == ScanType::Sublist3r).then_some("-d DOMAIN")
}

/// Why the program at `path` is not the engine that it should be, or not one that runs: what it should have said and did
/// not. `version` is what it has stated.
pub async fn fault(engine: &Engine, path: &Path, version: Option<&str>, probe: &Probe) -> Option<&'static str> {
    match (usage(engine.scan_type), version) {
        (None, None) => Some("says no version"),
        (None, Some(_)) => None,
        (Some(usage), _) => {
            let said = ask(engine, path, probe).await.unwrap_or_default();
            (!said.contains(usage)).then_some("does not print its usage")
        }
    }
}

/// What makes an engine say its version, or else its usage; `None` for the one that is no program.
fn args(scan_type: ScanType) -> Option<&'static [&'static str]> {
    match scan_type {
        ScanType::Nmap | ScanType::Trivy | ScanType::Sqlmap | ScanType::Wapiti => Some(&["--version"]),
        ScanType::Nikto => Some(&["-Version"]),
        ScanType::Nuclei => Some(&["-version", "-duc"]),
        // ZAP makes a home folder even for that.
        ScanType::Zap => Some(&["-version", "-silent", "-dir", "home"]),
        ScanType::Harvester | ScanType::Sublist3r => Some(&["--help"]),
        ScanType::Sentinel => None,
    }
}

/// Everything that the program says to its version flag.
async fn ask(engine: &Engine, path: &Path, probe: &Probe) -> Option<String> {
    let asked = args(engine.scan_type)?;
    let (path, mut args) =
        if engine.scan_type == ScanType::Sqlmap { sqlmap::command(path) } else { (path.to_path_buf(), Vec::new()) };
    args.extend(asked.iter().map(|arg| arg.to_string()));
    // Its exit code is not looked at: nikto 2.1.5 fails after it has said all of it.
    Some(probe.run(&path, args).await.ok()?.said)
}

/// The version in what a program said, where it stands as this engine puts it: another program has a version too.
fn stated(engine: &Engine, said: &str) -> Option<String> {
    let is_its = |line: &&str| match engine.scan_type {
        ScanType::Trivy => line.starts_with("Version:"),
        ScanType::Zap => number(line) == Some(line),
        // `1.10.10#pip`
        ScanType::Sqlmap => number(line).is_some_and(|version| line[version.len()..].starts_with('#')),
        ScanType::Nmap
        | ScanType::Nikto
        | ScanType::Wapiti
        | ScanType::Nuclei
        | ScanType::Harvester
        | ScanType::Sublist3r
        | ScanType::Sentinel => line.to_lowercase().contains(&engine.title.to_lowercase()),
    };
    said.lines().map(str::trim).filter(is_its).find_map(number).map(str::to_string)
}

/// The first `1.2` or `1.2.3` of a line; a letter before it other than `v` makes it part of a word.
fn number(line: &str) -> Option<&str> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    let words = words.map(|word| word.trim_start_matches('v').trim_matches('.'));
    words.into_iter().find(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        (2..=4).contains(&parts.len())
            && parts.iter().all(|part| (1..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ENGINES, engine};

    #[test]
    fn each_engine_is_understood() {
        for (scan_type, said, version) in [
            (ScanType::Nmap, "Nmap version 7.93 ( https://nmap.org )\nCompiled with: liblua-5.3.6\n", "7.93"),
            (ScanType::Nikto, "File  Version\nNikto main            2.1.5\nLibWhisker 2.5\n", "2.1.5"),
            (ScanType::Nikto, "Nikto 2.6.1 (LW 2.5)\n", "2.6.1"),
            (ScanType::Sqlmap, "1.7.2#stable\n[16:29:56] [WARNING] outdated\n", "1.7.2"),
            (ScanType::Wapiti, "Wapiti-3.0.4 (wapiti.sourceforge.io)\n", "3.0.4"),
            (ScanType::Zap, "Found Java version 17.0.2\nAvailable memory: 1024 MB\n2.17.0\n", "2.17.0"),
            (ScanType::Nuclei, "[INF] Nuclei Engine Version: v3.10.0\n", "3.10.0"),
            (ScanType::Trivy, "Version: 0.76.0\n", "0.76.0"),
            (ScanType::Harvester, "*  theHarvester 4.9.2        *\n", "4.9.2"),
        ] {
            assert_eq!(stated(engine(scan_type), said).as_deref(), Some(version), "{said}");
        }
        assert_eq!(stated(engine(ScanType::Trivy), "no such file, error 2, v1x.0"), None);
        for engine in ENGINES.iter() {
            assert_eq!(
                stated(engine, "true (GNU coreutils) 9.1\nPackaged by Debian (9.1-1)\n"),
                None,
                "{}",
                engine.title
            );
        }
    }
}
