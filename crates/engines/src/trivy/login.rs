//! The login at an image's registry, where every client of images looks for it: `.docker/config.json` in its home, which is
//! the job folder.

use crate::auth::basic_token;
use crate::image::{DEFAULT_REGISTRY, ImageRef};
use crate::process::JobDir;
use scanyard_contract::scan::BasicAuth;
use serde_json::json;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};

/// The file itself: what lies in the job folder, and not below, is given to the engine's user.
const FILE: &str = "registries.json";
/// What the registry of names without one is called there.
const DEFAULT_KEY: &str = "https://index.docker.io/v1/";

/// Writes the login for the registry of this image, and for no other.
pub fn write(dir: &JobDir, image: &ImageRef, basic: &BasicAuth) -> io::Result<()> {
    let registry = match image.registry() {
        DEFAULT_REGISTRY => DEFAULT_KEY,
        registry => registry,
    };
    dir.write(FILE, json!({"auths": {registry: {"auth": basic_token(basic)}}}).to_string().as_bytes())?;
    let folder = dir.path().join(".docker");
    DirBuilder::new().mode(0o700).create(&folder)?;
    symlink(format!("../{FILE}"), folder.join("config.json"))
}
