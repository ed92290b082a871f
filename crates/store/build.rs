//! Rebuilds the crate if a migration is added or changed. The macro that embeds the migrations does
//! not notice that.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
