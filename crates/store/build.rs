//! Builds anew when a migration is added or altered; the macro that embeds them does not see that by itself.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
