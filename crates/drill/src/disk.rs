//! A small disk that can be filled: a tmpfs in a mount namespace of the drill's own, so that nobody else sees it.

use anyhow::Context;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Enters a mount namespace of our own; before any thread is started. Who is not root gets it with a user namespace, in
/// which everybody keeps the ids that they have.
pub fn enter_namespace() -> anyhow::Result<()> {
    let (uid, gid) = (nix::unistd::getuid(), nix::unistd::getgid());
    if uid.is_root() {
        unshare(CloneFlags::CLONE_NEWNS).context("a mount namespace")?;
    } else {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).context("a user and mount namespace")?;
        std::fs::write("/proc/self/setgroups", "deny")?;
        std::fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
        std::fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    }
    let all = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, all, None::<&str>).context("keeping our mounts to ourselves")
}

/// A mounted disk; unmounted when dropped.
#[derive(Debug)]
pub struct Disk(PathBuf);

impl Disk {
    /// Mounts an empty one of so many mebibytes.
    pub fn mount(path: &Path, mebibytes: u32) -> anyhow::Result<Disk> {
        std::fs::create_dir_all(path)?;
        let size = format!("size={mebibytes}m,mode=0755");
        mount(Some("drill"), path, Some("tmpfs"), MsFlags::empty(), Some(size.as_str())).context("mounting a tmpfs")?;
        Ok(Disk(path.to_path_buf()))
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Takes every byte that is left.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut filler = File::create(self.filler())?;
        for size in [64 * 1024, 4096, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
        Ok(())
    }

    /// Gives the bytes back.
    pub fn free(&self) -> anyhow::Result<()> {
        std::fs::remove_file(self.filler()).context("removing the filler")
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}
