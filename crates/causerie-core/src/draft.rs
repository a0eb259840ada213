//! The reply while it grows.
