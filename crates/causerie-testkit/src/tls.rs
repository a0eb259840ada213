//! Test binaries install the TLS provider themselves, as `main` does.

/// Installs ring as the provider of rustls. Harmless if another test has done so.
pub fn install() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
