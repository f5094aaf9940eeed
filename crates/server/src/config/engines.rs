//! Who the engines run as, what they may use, and where they are found and work.

use super::{Config, ConfigError, Engines};
use nix::unistd::{User, geteuid};
use scanyard_engines::probe::Probe;
use scanyard_engines::process::Limits;
use scanyard_engines::{Engine, Installed};
use serde::Deserialize;
use std::io::ErrorKind;
use std::path::PathBuf;

/// What one run of an engine may use.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineLimits {
    /// Megabytes of memory for all processes of a run together.
    pub memory_mb: u64,
    /// Processes of a run at the same time.
    pub processes: u64,
}

/// The supervisor of every run: this program again.
pub fn supervisor() -> Vec<String> {
    vec!["/proc/self/exe".to_string(), "__supervise".to_string()]
}

impl Default for EngineLimits {
    fn default() -> EngineLimits {
        EngineLimits { memory_mb: 2048, processes: 512 }
    }
}

impl EngineLimits {
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &'static str, &str)) {
        let memory = (64..=1_048_576).contains(&self.memory_mb);
        require(memory, "engines.limits.memory_mb", "must be 64 to 1048576");
        require((8..=100_000).contains(&self.processes), "engines.limits.processes", "must be 8 to 100000");
    }
}

impl Engines {
    pub(super) fn require(&self, require: &mut impl FnMut(bool, &'static str, &str)) {
        self.limits.require(require);
        for (setting, path) in [
            ("engines.work_dir", &self.work_dir),
            ("engines.nmap.path", &self.nmap.path),
            ("engines.zap.path", &self.zap.path),
            ("engines.trivy.path", &self.trivy.path),
            ("engines.trivy.cache_dir", &self.trivy.cache_dir),
            ("engines.nuclei.path", &self.nuclei.path),
            ("engines.nikto.path", &self.nikto.path),
            ("engines.sqlmap.path", &self.sqlmap.path),
            ("engines.wapiti.path", &self.wapiti.path),
            ("engines.harvester.path", &self.harvester.path),
            ("engines.sublist3r.path", &self.sublist3r.path),
        ] {
            let is_absolute = path.as_ref().is_none_or(|path| path.is_absolute());
            require(is_absolute, setting, "must be an absolute path, for each run works in a folder of its own");
        }
    }

    /// The user that engines run as: the one set when this process is root, else this process's own.
    pub fn run_as(&self) -> Option<String> {
        self.user.clone().filter(|_| geteuid().is_root())
    }

    /// Why nothing may run: engines would have to run as a user that is not there.
    pub fn check_user(&self) -> Result<(), ConfigError> {
        let Some(name) = self.run_as() else { return Ok(()) };
        let problem = match User::from_name(&name) {
            Ok(Some(user)) if user.uid.is_root() => "is root; leave the setting empty if engines must run as root",
            Ok(Some(_)) => return Ok(()),
            Ok(None) => "this machine has no such user; make one, or name another",
            Err(_) => "the users of this machine cannot be read",
        };
        Err(ConfigError(vec![format!("engines.user: {name}: {problem}")]))
    }

    /// What one run may use.
    pub fn limits(&self) -> Limits {
        Limits {
            memory_bytes: self.limits.memory_mb * 1024 * 1024,
            processes: self.limits.processes,
            is_confined: self.confine,
        }
    }

    /// Whether an engine that is installed stays off: it tells third parties of the target, and nobody switched that on.
    pub fn is_off(&self, engine: &Engine) -> bool {
        engine.needs_consent && !self.osint
    }

    /// The folders that `scripts/install-engines` fills, by whom it was run.
    pub fn installed() -> Installed {
        let home = || Some(std::env::home_dir()?.join(".local/share"));
        let data = std::env::var_os("XDG_DATA_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from).or_else(home);
        let own = data.filter(|_| !geteuid().is_root()).map(|data| data.join("scanyard/engines"));
        Installed { machine: "/opt/scanyard/engines".into(), own }
    }
}

impl Config {
    /// How a program of an engine is run for a moment, by the program that is this process's own.
    pub fn probe(&self) -> Probe {
        Probe {
            supervisor: supervisor(),
            work_dir: self.jobs_dir(),
            user: self.engines.run_as(),
            limits: self.engines.limits(),
        }
    }

    /// Where runs have their job folders: in the data folder, unless engines run as a user who cannot reach it.
    ///
    /// Elsewhere it is a folder of this data folder's own, because left-over runs in it are ended at every start.
    pub fn jobs_dir(&self) -> PathBuf {
        let shared = match (&self.engines.work_dir, self.engines.run_as()) {
            (Some(dir), _) => dir.clone(),
            (None, Some(_)) => "/var/lib/scanyard/jobs".into(),
            (None, None) => return self.data_dir.join("jobs"),
        };
        let data_dir = std::path::absolute(&self.data_dir).unwrap_or_else(|_| self.data_dir.clone());
        let data_dir = data_dir.canonicalize().unwrap_or(data_dir);
        let digest = ring::digest::digest(&ring::digest::SHA256, data_dir.as_os_str().as_encoded_bytes());
        shared.join(crate::key::hex(&digest.as_ref()[..8]))
    }

    /// Removes the folder of the job folders when there is none in it: of every data folder that ever was, one would stay.
    pub fn leave_jobs_dir(&self) {
        let dir = self.jobs_dir();
        match std::fs::remove_dir(&dir) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {}
            Err(error) => tracing::warn!(dir = %dir.display(), %error, "the folder of job folders stays behind"),
        }
    }
}
