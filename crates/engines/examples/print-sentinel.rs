//! Prints `docs/SENTINEL.md` and the pages of `docs/sentinel`, in place of what is there.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    if docs.join("sentinel").exists() {
        std::fs::remove_dir_all(docs.join("sentinel"))?;
    }
    std::fs::create_dir_all(docs.join("sentinel"))?;
    for (path, text) in scanyard_engines::sentinel::pages() {
        std::fs::write(docs.join(path), text)?;
    }
    Ok(())
}
