//! Pictures, as the endpoint wants them.

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use causerie_core::event::Attachment;

/// Brings the bytes of pictures. Implemented by whoever knows the platforms' locators.
#[async_trait]
pub trait Pictures: Send + Sync {
    /// Called for each picture of each prompt, so that a conversation's pictures are asked for again
    /// with every turn: keep those that are dear to fetch. `None` if it is no longer there, or too
    /// large; the model is told that there was one.
    ///
    /// # Cancel safety
    /// The future is dropped when the turn is given up.
    async fn fetch(&self, picture: &Attachment) -> Option<Bytes>;
}

/// For models that see and nobody who brings pictures.
pub(crate) struct NoPictures;

#[async_trait]
impl Pictures for NoPictures {
    async fn fetch(&self, _: &Attachment) -> Option<Bytes> {
        None
    }
}

/// The most bytes a picture may have. Providers take 20 MB at most.
const MAX_BYTES: usize = 20 << 20;

/// `picture` with its bytes in it, as a `data:` URL.
pub(crate) async fn data_url(pictures: &dyn Pictures, picture: &Attachment) -> Option<String> {
    // It comes from a platform and goes into a URL.
    let in_type = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '+' | '-');
    let media_type = picture.media_type.as_str();
    if !media_type.starts_with("image/") || !media_type.chars().all(in_type) {
        return None;
    }
    let bytes = pictures.fetch(picture).await?;
    let fits = !bytes.is_empty() && bytes.len() <= MAX_BYTES;
    fits.then(|| format!("data:{media_type};base64,{}", STANDARD.encode(&bytes)))
}
