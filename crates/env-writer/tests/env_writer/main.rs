//! The real program, in its own directory and environment.

mod refusing;
mod shipped;
mod usage;
mod writing;

mod sandbox;
