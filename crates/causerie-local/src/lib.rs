//! The local backend: GGUF models in the process, through llama.cpp.
//!
//! One thread owns the model and its context ([`Local`] starts it). All conversations that are
//! being answered decode in one batch; prompts are fed in pieces between decode steps, so that a
//! newcomer with a long prompt does not freeze the others' streams. What the model has worked
//! through is kept: in its slot while there is room, on disk when the slot is needed, so a
//! conversation's next turn computes only what is new in it.
//!
//! In reading order:
//!
//! * [`Config`]: what the operator may choose
//! * [`Local`]: the [`Backend`](causerie_core::backend::Backend)
//! * [`models`]: where model files come from
//! * [`saved`]: what is kept of conversations on disk, and how it goes
//! * [`bench`](mod@bench): how fast it is here
//!
//! Small models in a format that llama.cpp computes slowly are loaded in a quicker one ([`Config`]'s
//! `quick_dir`).
//!
//! On x86-64 the processor must have AVX2, FMA, F16C and BMI2 (2015 and later); [`Local`] says so
//! where they are missing. llama.cpp can be built for several processors at once only as shared
//! libraries, and this is one binary.
//!
//! People's words never become control tokens: the chat template is rendered with placeholders,
//! and the words are tokenised apart from it.

pub mod bench;
mod chooser;
mod complaint;
mod config;
mod gguf;
mod load;
mod local;
pub mod models;
mod quick;
pub mod saved;
mod scheduler;
mod size;
mod slot;
mod template;
mod utf8;
mod vocabulary;

pub use config::Config;
pub use local::Local;
