//! A message on the platform, as far as the draft knows it.

use crate::id::MessageRef;

/// A message on the platform, as far as the draft knows it.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// What its nonce is derived from, and what the journal calls it.
    pub(super) number: u32,
    pub(super) known: Known,
    /// Which words it shows; `None` if that is not known.
    pub(super) shown: Option<Shown>,
    /// How often it was found gone.
    pub(super) losses: u32,
    /// For appending: whether it is open.
    pub(super) open: bool,
    /// For appending: the bytes of the part that stand there.
    pub(super) appended: usize,
}

/// Whether there is a message.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// There is none.
    Absent,
    /// An attempt at creating it was begun. Creating it again gives the same message.
    Begun(Begun),
    /// It may be there, and can never be touched again.
    Lost,
    /// It is there.
    There(MessageRef),
}

/// What a message was to say when its creation was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// Its first words, or none yet.
    First,
    /// All it has to say.
    Whole,
}

/// Which words a message shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) revision: u64,
    pub(super) complete: bool,
}

impl Message {
    pub(super) fn absent(number: u32) -> Self {
        Self {
            number,
            known: Known::Absent,
            shown: None,
            losses: 0,
            open: false,
            appended: 0,
        }
    }

    /// One that was there before this draft.
    pub(super) fn found(number: u32, message: MessageRef) -> Self {
        Self {
            known: Known::There(message),
            ..Self::absent(number)
        }
    }

    /// Its creation was begun, unless it is there already.
    pub(super) fn begin(&mut self, begun: Begun) {
        if self.id().is_none() {
            self.known = Known::Begun(begun);
        }
    }

    pub(super) fn id(&self) -> Option<&MessageRef> {
        match &self.known {
            Known::There(message) => Some(message),
            _ => None,
        }
    }

    /// Whether somebody may see something of it.
    pub(super) fn is_visible(&self) -> bool {
        !matches!(self.known, Known::Absent)
    }
}
