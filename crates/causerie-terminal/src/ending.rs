//! How it ended, as scripts see it.

use causerie_core::platform::Notice;
use serde::Serialize;

/// How a conversation or a question ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// There was an answer, or the person left.
    #[default]
    Answered,
    /// The question could not be answered.
    Failed,
    /// A limit is used up; asking again later helps.
    Limited,
    /// The question is not answered, whenever it is asked.
    Refused,
    /// Ctrl-C.
    Interrupted,
    /// The process was told to stop before the outcome.
    Stopped,
}

impl Ending {
    /// The exit code, after `sysexits.h` and the custom of shells.
    pub fn code(self) -> u8 {
        match self {
            Ending::Answered => 0,
            Ending::Failed => 69,
            Ending::Limited => 75,
            Ending::Refused => 77,
            Ending::Interrupted => 130,
            Ending::Stopped => 143,
        }
    }

    pub(crate) fn of(notice: Notice) -> Self {
        match notice {
            Notice::Told => Ending::Answered,
            Notice::Refused { until: Some(_) } => Ending::Limited,
            Notice::Refused { until: None } => Ending::Refused,
            Notice::Failed(_) => Ending::Failed,
        }
    }
}
