//! Pictures and files.

use crate::update::{File, Message};
use causerie_core::{Text, event::Attachment, id::PlatformId};

/// A picture has no more pixels on its longer side than models look at, where Telegram has a
/// smaller copy.
const LONGEST_SIDE: u32 = 1600;

/// The pictures and files of a message. Locators are `PLATFORM/FILE`.
pub(super) fn of(message: &Message, platform: &PlatformId) -> Vec<Attachment> {
    let picture = picture(&message.photo).map(|photo| ("image/jpeg", "photo.jpg", photo));
    let file = file(message);
    picture
        .into_iter()
        .chain(file)
        .filter(|(.., file)| !file.file_id.is_empty())
        .map(|(kind, name, file)| Attachment {
            media_type: file.mime_type.clone().unwrap_or_else(|| kind.to_owned()),
            name: Text::new(file.file_name.as_deref().unwrap_or(name)),
            size: file.file_size,
            locator: format!("{platform}/{}", file.file_id),
        })
        .collect()
}

/// The copy of a picture that a model is shown.
fn picture(copies: &[File]) -> Option<&File> {
    let side = |file: &File| file.width.max(file.height);
    let small = copies.iter().filter(|file| side(file) <= LONGEST_SIDE);
    small
        .max_by_key(|file| side(file))
        .or_else(|| copies.iter().min_by_key(|file| side(file)))
}

/// The file of a message, with the media type and the name it has if Telegram tells none.
pub(super) fn file(message: &Message) -> Option<(&'static str, &'static str, &File)> {
    let found = [
        ("application/octet-stream", "file", &message.document),
        ("audio/ogg", "voice.ogg", &message.voice),
        ("audio/mpeg", "audio.mp3", &message.audio),
        ("video/mp4", "video.mp4", &message.video),
        ("video/mp4", "video.mp4", &message.video_note),
        ("video/mp4", "animation.mp4", &message.animation),
    ];
    found
        .into_iter()
        .find_map(|(kind, name, file)| file.as_ref().map(|file| (kind, name, file)))
}
