//! Where the repository is. Cargo runs tests and benches in the folder of their package.

use std::path::{Path, PathBuf};

/// A path of the repository.
pub fn root(path: impl AsRef<Path>) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}
