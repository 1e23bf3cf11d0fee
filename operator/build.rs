//! How the program is linked.

fn main() {
    // The loader reads every relocation when the program starts, and what it has read stays in memory: 24 bytes for
    // each address in the program, most of which need one bit.
    if std::env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu") {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
