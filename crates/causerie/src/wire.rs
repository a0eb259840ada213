//! The only place that names concrete types: what the configuration says becomes stores, backends,
//! platforms and personas. A new one of any kind is one arm here.

pub mod persona;
