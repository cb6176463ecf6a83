//! The fuzz targets are a workspace of their own that nothing else builds: each file has to be in its manifest and in its
//! README, and they in turn must name no file that is gone.

use std::collections::BTreeSet;

use crate::root;

/// Compares the files of `fuzz/fuzz_targets` with what lists them.
///
/// # Errors
/// What is listed here and not there.
pub(crate) fn check() -> Result<(), String> {
    let folder = root().join("fuzz");
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    let manifest = read(&folder.join("Cargo.toml"))?;
    let readme = read(&folder.join("README.md"))?;
    let entries = std::fs::read_dir(folder.join("fuzz_targets"))
        .map_err(|error| format!("cannot read the fuzz targets: {error}"))?;
    let names = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let is_source = path.extension().is_some_and(|kind| kind == "rs");
        is_source.then(|| path.file_stem().map(|name| name.to_string_lossy().into_owned()))?
    });
    let files: BTreeSet<String> = names.collect();
    let listed = manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/"));
    let listed: BTreeSet<String> =
        listed.filter_map(|line| line.strip_suffix(".rs\"")).map(str::to_owned).collect();
    let mut wrong: Vec<String> = files
        .symmetric_difference(&listed)
        .map(|name| format!("the fuzz target {name} is either no file or not in fuzz/Cargo.toml"))
        .collect();
    let unexplained = files.iter().filter(|name| !readme.contains(&format!("`{name}`")));
    wrong.extend(unexplained.map(|name| format!("the fuzz target {name} is not in fuzz/README.md")));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}
