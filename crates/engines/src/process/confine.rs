//! What a supervisor does to itself before it starts an engine, and the engine inherits: limits, its view of names and of
//! files. What a host does not let it do is left out and said so; only the limits that every host has must hold.

use super::bounds::{Bound, Enforced};
use super::protocol::Spec;
use super::tree;
use landlock::{
    ABI, Access, AccessFs, BitFlags, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Uid, User, chown, getegid, geteuid};
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

/// Open files that an engine may have.
const MAX_OPEN_FILES: u64 = 4096;
/// Of 19, which is the last in the queue.
pub(super) const NICENESS: i32 = 10;
/// One process's private memory also counts what it only reserved, as every thread does for its stack.
const RESERVED: u64 = 2;
/// What of the system an engine may read: programs, their settings, and what the kernel tells.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc",
    "/opt",
    "/proc",
    "/sys",
    "/dev",
    "/run/systemd/resolve",
];
/// What of the system programs also write to.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/shm"];

/// Bounds this process and what it will start. `user` is whom the engine will run as, when that is another.
///
/// The bounds on files are for the engine to take upon itself: this process removes the job folder at its end, which from
/// inside them nobody can.
pub(super) fn confine(spec: &Spec, user: Option<&User>) -> io::Result<(Vec<Enforced>, Option<Files>)> {
    limit(Resource::RLIMIT_CORE, 0)?;
    limit(Resource::RLIMIT_FSIZE, spec.max_file_bytes)?;
    limit(Resource::RLIMIT_NOFILE, MAX_OPEN_FILES)?;
    limit(Resource::RLIMIT_DATA, spec.limits.memory_bytes.saturating_mul(RESERVED))?;
    let uid = user.map_or_else(geteuid, |user| user.uid);
    let mut done = vec![
        run_as(uid, user),
        note(Bound::Memory, Ok(format!("{} MiB, looked at twice a second", spec.limits.memory_bytes >> 20))),
        processes(uid, spec.limits.processes)?,
        note(Bound::FileSize, Ok("as large as a report of the engine may be".to_string())),
        note(Bound::OpenFiles, Ok(MAX_OPEN_FILES.to_string())),
        note(Bound::Niceness, Ok(NICENESS.to_string())),
        note(Bound::Privileges, prctl::set_no_new_privs().map(|()| "no_new_privs".into()).map_err(io::Error::from)),
    ];
    done.push(note(Bound::Names, namespace(spec).map(|()| "a mount namespace with a hosts file of its own".into())));
    let (files, how) = match Files::of(spec).and_then(|files| Ok((files.tried()?, files))) {
        Ok((how, files)) => (Some(files), Ok(how)),
        Err(error) => (None, Err(error)),
    };
    done.push(note(Bound::Files, how));
    Ok((done, files))
}

fn note(bound: Bound, result: io::Result<String>) -> Enforced {
    match result {
        Ok(how) => Enforced { bound, how, is_enforced: true },
        Err(error) => Enforced { bound, how: error.to_string(), is_enforced: false },
    }
}

fn run_as(uid: Uid, user: Option<&User>) -> Enforced {
    let how = match (user, uid.is_root()) {
        (Some(user), _) => Ok(user.name.clone()),
        (None, false) => Ok("the server's own, which is not root".to_string()),
        (None, true) => Err(io::Error::other("engines run as root: set engines.user")),
    };
    note(Bound::User, how)
}

/// Lowers a limit; what is lower already stays.
fn limit(resource: Resource, value: u64) -> io::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    let value = value.min(hard);
    Ok(setrlimit(resource, value, value)?)
}

/// The kernel counts the processes and threads of a user, not of a run, and never root's: those are counted by us.
fn processes(uid: Uid, max: u64) -> io::Result<Enforced> {
    if uid.is_root() {
        let only_by_us = format!("{max}, looked at twice a second only: the kernel does not count root's");
        return Ok(note(Bound::Processes, Err(io::Error::other(only_by_us))));
    }
    limit(Resource::RLIMIT_NPROC, tree::tasks_of(uid).saturating_add(max))?;
    Ok(note(Bound::Processes, Ok(format!("{max}, by the kernel as well"))))
}

/// A view of the machine of its own: the names in the hosts file, and shared memory that no other run sees.
fn namespace(spec: &Spec) -> io::Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    if uid.is_root() {
        unshare(CloneFlags::CLONE_NEWNS)?;
    } else {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
        std::fs::write("/proc/self/setgroups", "deny")?;
        std::fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
        std::fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    }
    let nothing: Option<&str> = None;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), "/dev/shm", Some("tmpfs"), flags, Some("size=64m,mode=1777"))?;
    let Some(hosts) = &spec.hosts else { return Ok(()) };
    replace(spec, "hosts", hosts)?;
    // Without that file the C library asks DNS first; nothing to replace is nothing to hold.
    match std::fs::read_to_string("/etc/nsswitch.conf") {
        Ok(switch) => replace(spec, "nsswitch.conf", &files_only(&switch)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Puts a file of ours over one of `/etc`, for this run alone.
fn replace(spec: &Spec, name: &str, text: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let (ours, theirs, nothing) = (spec.dir.join(format!(".{name}")), Path::new("/etc").join(name), None::<&str>);
    std::fs::write(&ours, text)?;
    std::fs::set_permissions(&ours, std::fs::Permissions::from_mode(0o444))?;
    Ok(mount(Some(&ours), &theirs, nothing, MsFlags::MS_BIND, nothing)?)
}

/// The name service switch with names from the hosts file alone.
fn files_only(switch: &str) -> String {
    let others = switch.lines().filter(|line| !line.trim_start().starts_with("hosts:"));
    others.fold("hosts: files\n".to_string(), |mut text, line| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line}");
        text
    })
}

/// What leaves of the file system what an engine needs, and of other processes none to signal.
pub(super) struct Files(RulesetCreated);

impl Files {
    fn of(spec: &Spec) -> io::Result<Files> {
        if !spec.limits.is_confined {
            return Err(io::Error::other("engines.confine is false"));
        }
        let abi = ABI::V6;
        let read: BitFlags<AccessFs> = AccessFs::from_read(abi);
        let all: BitFlags<AccessFs> = AccessFs::from_all(abi);
        // Those that do not exist are left out by the crate.
        let readable =
            SYSTEM.iter().map(PathBuf::from).chain(own_folders(&spec.program)).chain(spec.reads.iter().cloned());
        let rules = || -> Result<RulesetCreated, RulesetError> {
            Ruleset::default()
                .handle_access(all)?
                .scope(Scope::Signal)?
                .create()?
                .add_rules(path_beneath_rules(readable, read))?
                .add_rules(path_beneath_rules(DEVICES, all))?
                .add_rules(path_beneath_rules([&spec.dir], all))
        };
        rules().map(Files).map_err(io::Error::other)
    }

    /// Takes the bounds upon the calling thread, and upon all that it starts.
    pub(super) fn take(&self) -> io::Result<RulesetStatus> {
        Ok(self.0.try_clone()?.restrict_self().map_err(io::Error::other)?.ruleset)
    }

    /// How far the kernel enforces them: a thread takes them upon itself, and ends.
    fn tried(&self) -> io::Result<String> {
        let taken = thread::scope(|scope| Ok(thread::Builder::new().spawn_scoped(scope, || self.take())?.join()));
        let taken: io::Result<thread::Result<io::Result<RulesetStatus>>> = taken;
        match taken?.unwrap_or_else(|_| Err(io::Error::other("the thread that tried them panicked")))? {
            RulesetStatus::FullyEnforced => Ok("landlock".to_string()),
            RulesetStatus::PartiallyEnforced => Ok("landlock of an older kernel, in part".to_string()),
            RulesetStatus::NotEnforced => Err(io::Error::other("this kernel has no landlock")),
        }
    }
}

/// Where a program keeps what belongs to it: beside it or, when it lies in a `bin`, beside that; the same for what it is
/// a link to and for its interpreter; and the state that its package brought.
fn own_folders(program: &Path) -> Vec<PathBuf> {
    let interpreter = interpreter(program);
    let programs = [Some(program.to_path_buf()), interpreter].into_iter().flatten();
    let mut folders: Vec<PathBuf> =
        programs.flat_map(|path| [path.canonicalize().ok(), Some(path)]).flatten().filter_map(folder).collect();
    folders.extend(program.file_stem().map(|name| Path::new("/var/lib").join(name)));
    folders
}

fn folder(program: PathBuf) -> Option<PathBuf> {
    let folder = program.parent()?;
    let folder = if folder.ends_with("bin") { folder.parent()? } else { folder };
    // In a top folder or a person's home there is more than what belongs to the program.
    let is_shared = folder.parent().is_none_or(|parent| parent == Path::new("/") || parent == Path::new("/home"));
    Some(if is_shared { program } else { folder.to_path_buf() })
}

/// The program that `#!` names.
fn interpreter(program: &Path) -> Option<PathBuf> {
    use std::io::Read;
    let mut head = Vec::new();
    std::fs::File::open(program).ok()?.take(256).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let path = PathBuf::from(std::str::from_utf8(line).ok()?.split_whitespace().next()?);
    path.is_absolute().then_some(path)
}

/// Gives the job folder, and the files in it that the engine shall read, to the engine's user.
pub(super) fn hand_over(dir: &Path, user: &User) -> io::Result<()> {
    chown(dir, Some(user.uid), Some(user.gid))?;
    for entry in std::fs::read_dir(dir)? {
        chown(&entry?.path(), Some(user.uid), Some(user.gid))?;
    }
    match dir.ancestors().skip(1).find(|folder| !is_open_to(folder, user)) {
        None => Ok(()),
        Some(closed) => Err(io::Error::other(format!(
            "the user {} cannot reach the job folder: {} is closed to it; set engines.work_dir to a folder that is not",
            user.name,
            closed.display()
        ))),
    }
}

/// Whether a user may pass through a folder, by its mode.
fn is_open_to(folder: &Path, user: &User) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Ok(meta) = std::fs::metadata(folder) else { return false };
    let bit = if meta.uid() == user.uid.as_raw() {
        0o100
    } else if meta.gid() == user.gid.as_raw() {
        0o010
    } else {
        0o001
    };
    meta.mode() & bit != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_hosts_file_alone_and_all_else_stays() {
        let switch = "passwd: files systemd\nhosts: files dns myhostname\nnetworks: files";
        assert_eq!(files_only(switch), "hosts: files\npasswd: files systemd\nnetworks: files\n");
    }

    #[test]
    fn a_program_reads_its_environment_and_what_it_is_a_link_to() {
        let dir = tempfile::tempdir().unwrap();
        let (env, python) = (dir.path().join("env"), dir.path().join("python"));
        for folder in [&env, &python] {
            std::fs::create_dir_all(folder.join("bin")).unwrap();
        }
        std::fs::write(python.join("bin/python3"), "").unwrap();
        std::os::unix::fs::symlink(python.join("bin/python3"), env.join("bin/python")).unwrap();
        let program = env.join("bin/wapiti");
        std::fs::write(&program, format!("#!{}/bin/python -s\nprint()\n", env.display())).unwrap();
        let folders = own_folders(&program);
        for expected in [&env, &python, &PathBuf::from("/var/lib/wapiti")] {
            assert!(folders.contains(expected), "{expected:?} of {folders:?}");
        }
    }

    #[test]
    fn a_program_of_the_top_folders_opens_none_of_them() {
        assert_eq!(folder("/engine".into()), Some("/engine".into()));
        assert_eq!(folder("/root/engine".into()), Some("/root/engine".into()));
        assert_eq!(folder("/home/bin/engine".into()), Some("/home/bin/engine".into()));
        assert_eq!(folder("/home/ann/nuclei".into()), Some("/home/ann/nuclei".into()));
        assert_eq!(folder("/home/ann/bin/nuclei".into()), Some("/home/ann/bin/nuclei".into()));
        assert_eq!(folder("/srv/zap/zap.sh".into()), Some("/srv/zap".into()));
        assert_eq!(folder("/home/ann/tools/nuclei".into()), Some("/home/ann/tools".into()));
    }
}
