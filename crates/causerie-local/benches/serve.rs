//! Prints how fast a local model is served here.
fn main() {}
