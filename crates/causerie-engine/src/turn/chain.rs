//! The models that may answer a turn, in the order in which they are asked.
//!
//! First the one that was chosen in the conversation, then the persona's in their order. The next
//! one is asked when one cannot answer and nobody has seen a word of this round. What a model
//! cannot take is not put to it, and nothing goes to a less private model than the first, unless
//! the persona says so.

use super::{Halt, Progress, Question, Turn};
use crate::line::Line;
use causerie_core::{
    assemble::AssembleError,
    backend::{Backend, BackendCapabilities, BackendError, Privacy},
    id::ModelName,
    message::Part,
    outcome::{Failure, Outcome, Refusal},
};
use std::fmt;

/// A model of the chain.
pub(super) struct Link<'t> {
    pub(super) model: &'t ModelName,
    pub(super) backend: &'t dyn Backend,
    /// Why it is not asked, if it is not.
    pub(super) unfit: Option<Unfit>,
}

/// Why a model is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Others would see what only the first may.
    LessPrivate,
    /// The turn has called tools, whose output it could not be shown.
    NoTools,
    /// There are pictures, and another model can see them.
    NoImages,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unfit::LessPrivate => "it is less private than this persona allows",
            Unfit::NoTools => "it cannot call tools, and this answer has begun with some",
            Unfit::NoImages => "it cannot see pictures, and another can",
        })
    }
}

/// What a turn asks of the models in place of the first.
#[derive(Clone, Copy)]
struct Needs {
    privacy: Privacy,
    tools: bool,
    images: bool,
}

impl Needs {
    fn unmet(self, place: usize, can: &BackendCapabilities) -> Option<Unfit> {
        if place > 0 && can.privacy > self.privacy {
            Some(Unfit::LessPrivate)
        } else if self.tools && !can.tools {
            Some(Unfit::NoTools)
        } else if self.images && !can.images {
            Some(Unfit::NoImages)
        } else {
            None
        }
    }
}

impl Turn<'_> {
    /// The models that may answer the next round.
    pub(super) fn chain(&self, question: &Question, progress: &Progress) -> Vec<Link<'_>> {
        let links: Vec<(&ModelName, &dyn Backend, BackendCapabilities)> = self
            .candidates()
            .into_iter()
            .map(|model| (model, self.engine.backends[model].as_ref()))
            .map(|(model, backend)| (model, backend, backend.capabilities()))
            .collect();
        let first = links.first().map_or(Privacy::Local, |link| link.2.privacy);
        let mut needs = Needs {
            privacy: self.persona.fallback_privacy.unwrap_or(first),
            tools: progress.has_called(),
            images: false,
        };
        // If nobody can see, the first answers without: it is told that there are pictures.
        let seeing =
            |at: usize, can: &BackendCapabilities| can.images && needs.unmet(at, can).is_none();
        let seen = (0..).zip(&links).any(|(at, link)| seeing(at, &link.2));
        needs.images = seen && shows_pictures(question);
        let link = |(at, (model, backend, can)): (usize, (_, _, BackendCapabilities))| Link {
            model,
            backend,
            unfit: needs.unmet(at, &can),
        };
        links.into_iter().enumerate().map(link).collect()
    }

    /// The models by their names: the one chosen here, then the persona's in order.
    fn candidates(&self) -> Vec<&ModelName> {
        let allowed = &self.persona.models;
        let chosen = self
            .claim
            .state
            .model
            .as_ref()
            .filter(|model| allowed.contains(model));
        let others = allowed.iter().filter(|model| Some(*model) != chosen);
        chosen.into_iter().chain(others).collect()
    }
}

fn shows_pictures(question: &Question) -> bool {
    let parts = question.messages.iter().flat_map(|message| &message.parts);
    let mut pictures =
        parts.filter(|part| matches!(part, Part::Attachment(file) if file.is_image()));
    pictures.next().is_some()
}

/// Why a model gave nothing that anybody has seen.
pub(super) enum Refused {
    /// It would not, or could not.
    Backend(BackendError),
    /// There is no prompt for it.
    Prompt(AssembleError),
    /// The turn is over, whatever another model could do.
    Halt(Halt),
}

impl From<BackendError> for Refused {
    fn from(error: BackendError) -> Self {
        Refused::Backend(error)
    }
}

impl From<AssembleError> for Refused {
    fn from(error: AssembleError) -> Self {
        Refused::Prompt(error)
    }
}

impl From<Halt> for Refused {
    fn from(halt: Halt) -> Self {
        Refused::Halt(halt)
    }
}

/// A refusal as the chain sees it.
pub(super) struct Fall {
    /// Why, for the operator.
    pub(super) why: String,
    /// Whether another model may do better.
    pub(super) passing: bool,
    /// How the turn ends if none does.
    pub(super) halt: Halt,
}

impl Fall {
    /// What follows from an error of the model.
    pub(super) fn of_backend(error: &BackendError) -> Self {
        Self {
            why: error.to_string(),
            passing: is_passing(error),
            halt: halt_of(error),
        }
    }

    /// What follows from a prompt that cannot be made.
    pub(super) fn of_prompt(error: &AssembleError) -> Self {
        let (passing, halt) = match error {
            AssembleError::TurnTooLong { .. } => (true, Halt::failed(Failure::TooLong)),
            AssembleError::PersonaTooLong { .. } => (true, Halt::failed(Failure::Misconfigured)),
            AssembleError::Template { .. } | AssembleError::Window => {
                (false, Halt::failed(Failure::Misconfigured))
            }
            AssembleError::Empty => {
                let outcome = Outcome::Refused(Refusal::Empty);
                (false, Halt::Ended(outcome, Some(Line::Empty)))
            }
        };
        let why = error.to_string();
        Self { why, passing, halt }
    }
}

/// The one table of what is put to the next model. What a provider declined is not: another one
/// must not be talked into it.
pub(super) fn is_passing(error: &BackendError) -> bool {
    match error {
        BackendError::Busy { .. }
        | BackendError::Unavailable { .. }
        | BackendError::Resting { .. }
        | BackendError::Loading
        | BackendError::TimedOut
        | BackendError::Interrupted { .. }
        | BackendError::Overflow { .. }
        | BackendError::Misconfigured { .. } => true,
        BackendError::Declined => false,
    }
}

/// The one table of how a turn ends when a model fails and no other answers.
pub(super) fn halt_of(error: &BackendError) -> Halt {
    let unavailable = |line| {
        let outcome = Outcome::Failed(Failure::ModelUnavailable);
        Halt::Ended(outcome, Some(line))
    };
    match error {
        BackendError::Busy { retry_after } => unavailable(Line::Busy(*retry_after)),
        BackendError::Resting { again_in } => unavailable(Line::Resting(*again_in)),
        BackendError::Unavailable { .. } | BackendError::Loading => {
            Halt::failed(Failure::ModelUnavailable)
        }
        BackendError::TimedOut => Halt::failed(Failure::Deadline),
        BackendError::Interrupted { .. } => Halt::failed(Failure::Interrupted),
        BackendError::Overflow { .. } => Halt::failed(Failure::TooLong),
        BackendError::Declined => Halt::failed(Failure::Declined),
        BackendError::Misconfigured { .. } => Halt::failed(Failure::Misconfigured),
    }
}
