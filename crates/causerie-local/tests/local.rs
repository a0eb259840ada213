//! The backend with a real model: SmolLM2-135M-Instruct.
//!
//! Its file is found through `CAUSERIE_TEST_MODEL`, or in the cache where the program keeps its
//! models. Without it the tests say that they are skipped; where `CI` is set they fail.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "local/answers.rs"]
mod answers;
#[path = "local/conformance.rs"]
mod conformance;
#[path = "local/files.rs"]
mod files;
#[path = "local/prefixes.rs"]
mod prefixes;
#[path = "local/support.rs"]
mod support;
