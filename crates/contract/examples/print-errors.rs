//! Prints the catalogue into `docs/errors`, in place of what is there.

use scanyard_contract::render;
use std::fs;
use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for (path, text) in render::files() {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}
