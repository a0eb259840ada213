use super::*;
use std::collections::HashMap;

/// What people see, by a platform that does what it is told and checks that it may be told so.
pub(super) struct Screen {
    pub(super) capabilities: PlatformCapabilities,
    pub(super) messages: Vec<(MessageRef, Option<Content>)>,
    nonces: HashMap<String, MessageRef>,
    open: Vec<MessageRef>,
    /// When the words last moved by something that is paced.
    pub(super) moved: Option<Duration>,
}

impl Screen {
    pub(super) fn new(capabilities: &PlatformCapabilities) -> Self {
        Self {
            capabilities: capabilities.clone(),
            messages: Vec::new(),
            nonces: HashMap::new(),
            open: Vec::new(),
            moved: None,
        }
    }

    pub(super) fn create(&mut self, nonce: Option<&str>, content: Content) -> MessageRef {
        if let Some(known) = nonce.and_then(|nonce| self.nonces.get(nonce))
            && self.capabilities.creates != Creates::Ambiguous
        {
            return known.clone();
        }
        let message = MessageRef::new(format!("m{}", self.messages.len())).unwrap();
        if let Some(nonce) = nonce {
            self.nonces.insert(nonce.to_owned(), message.clone());
        }
        self.messages.push((message.clone(), Some(content)));
        message
    }

    fn show(&mut self, message: &MessageRef, content: &Content) {
        let slot = self.messages.iter_mut().find(|(id, _)| id == message);
        slot.unwrap().1 = Some(content.clone());
    }

    fn shown(&self, message: &MessageRef) -> &Content {
        let slot = self.messages.iter().find(|(id, _)| id == message);
        slot.unwrap().1.as_ref().unwrap()
    }

    /// Checks pace and capabilities, once for each step however often it is applied.
    pub(super) fn check(&mut self, action: &Action, now: Duration) {
        let can = &self.capabilities;
        let allowed = match action {
            Action::Post { .. } => true,
            Action::Edit { .. } => can.edits,
            Action::Delete { .. } => can.deletes,
            Action::Preview { .. } => matches!(can.streaming, Streaming::Preview { .. }),
            Action::OpenStream { .. } | Action::Append { .. } | Action::CloseStream { .. } => {
                matches!(can.streaming, Streaming::Append { .. })
            }
            Action::Status { .. } => can.typing.is_some(),
        };
        assert!(allowed, "{action:?}");
        if let Action::Post { content, .. }
        | Action::Edit { content, .. }
        | Action::Preview { content, .. }
        | Action::CloseStream { content, .. } = action
        {
            assert!(!content.markdown.is_blank());
            if let Some(limit) = can.message_limit.filter(|_| !content.file) {
                assert!(Blunt.measure(content.markdown.expose(), limit) <= limit.max);
            }
        }
        let every = match (action, can.streaming) {
            (
                Action::Post { content, .. } | Action::Edit { content, .. },
                Streaming::Edit { every, .. },
            ) if can.edits && !content.complete => every,
            (Action::Preview { .. }, Streaming::Preview { every, .. })
            | (Action::Append { .. }, Streaming::Append { every }) => every,
            _ => return,
        };
        let surplus =
            matches!(action, Action::Edit { content, .. } if content.markdown.expose() == "…");
        if let Some(moved) = self.moved.filter(|_| !surplus) {
            assert!(
                now >= moved + every,
                "{action:?} at {now:?} after {moved:?}"
            );
        }
        self.moved = Some(now);
    }

    pub(super) fn apply(&mut self, action: &Action) -> Option<MessageRef> {
        match action {
            Action::Post { nonce, content, .. } => {
                return Some(self.create(Some(nonce.as_str()), content.clone()));
            }
            Action::OpenStream { nonce, .. } => {
                let message = self.create(Some(nonce.as_str()), content("", false));
                self.open.push(message.clone());
                return Some(message);
            }
            Action::Edit { message, content } => self.show(message, content),
            Action::CloseStream { message, content } => self.show(message, content),
            Action::Append {
                message,
                offset,
                text,
            } => {
                assert!(self.open.contains(message));
                let before = self.shown(message).markdown.expose().to_owned();
                assert!(*offset <= before.len(), "a gap");
                let whole = before[..*offset].to_owned() + text.expose();
                self.show(message, &content(&whole, false));
            }
            Action::Delete { message } => {
                let slot = self.messages.iter_mut().find(|(id, _)| id == message);
                slot.unwrap().1 = None;
            }
            Action::Preview { .. } | Action::Status { .. } => {}
        }
        None
    }

    pub(super) fn visible(&self) -> Vec<&Content> {
        let shown = self.messages.iter().filter_map(|(_, seen)| seen.as_ref());
        shown.filter(|seen| seen.markdown.expose() != "…").collect()
    }
}
