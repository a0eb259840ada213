//! Prompt assembly.
