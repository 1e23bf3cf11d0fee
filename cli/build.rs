//! Puts the web dashboard, if it has been built (`scripts/ui.sh build`), into the program.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let built = root.join("../ui/dist");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", built.display());
    let mut files = Vec::new();
    if built.is_dir() {
        collect(&built.canonicalize()?, Path::new(""), &mut files)?;
    } else {
        println!(
            "cargo::warning=ui/dist is not there: `sensorstream run` will serve the API without the web \
             dashboard; build that first with scripts/ui.sh build"
        );
    }
    files.sort();
    let mut entries = String::new();
    for (name, path) in &files {
        let (name, path) = (name.to_string_lossy(), path.to_string_lossy());
        writeln!(entries, "    ({name:?}, include_bytes!({path:?})),").expect("it fits in memory");
    }
    let text = format!(
        "/// The files: path, and what is in them.\nconst FILES: &[(&str, &[u8])] = &[\n{entries}];\n"
    );
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("dashboard.rs"), text)
}

fn collect(folder: &Path, name: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = name.join(path.file_name().expect("it was listed"));
        if path.is_dir() {
            collect(&path, &name, files)?;
        } else {
            files.push((name, path));
        }
    }
    Ok(())
}
