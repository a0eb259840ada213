//! Server-sent events out of bytes, however these are cut.

/// The most bytes one event may have. More would be an answer in one piece, which is read elsewhere.
const MAX_EVENT: usize = 4 << 20;

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its name; mostly none.
    pub(crate) name: String,
    /// Its data, the lines joined by line feeds.
    pub(crate) data: String,
}

/// An event was larger than any that is meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Makes events of bytes. Comments and unknown fields are passed over. Beyond the standard it takes
/// what endpoints really send: `error: {…}` as an event of that name, a bare line of JSON as data,
/// and a last event without the empty line behind it.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// The line in the making.
    line: Vec<u8>,
    name: String,
    data: Option<String>,
    /// A line feed that comes now belongs to the carriage return before it.
    after_return: bool,
    /// Whether the first line is behind us: a byte order mark may stand only in front of it.
    begun: bool,
}

impl Events {
    /// Takes the next bytes and adds the events they complete to `events`.
    pub(crate) fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), TooLarge> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_return) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            self.line
                .extend_from_slice(&rest[..end.unwrap_or(rest.len())]);
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > MAX_EVENT {
                return Err(TooLarge);
            }
            let Some(end) = end else { break };
            self.after_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
            self.end_line(events);
        }
        Ok(())
    }

    /// There are no more bytes.
    pub(crate) fn finish(mut self, events: &mut Vec<Event>) {
        if !self.line.is_empty() {
            self.end_line(events);
        }
        self.dispatch(events);
    }

    fn end_line(&mut self, events: &mut Vec<Event>) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let mut line = line.as_ref();
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch(events);
        }
        if line.starts_with('{') {
            return self.add(line);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.add(value),
            "event" => value.clone_into(&mut self.name),
            "error" => {
                field.clone_into(&mut self.name);
                self.add(value);
            }
            _ => {}
        }
    }

    fn add(&mut self, value: &str) {
        match &mut self.data {
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
            None => self.data = Some(value.to_owned()),
        }
    }

    fn dispatch(&mut self, events: &mut Vec<Event>) {
        let name = std::mem::take(&mut self.name);
        if let Some(data) = self.data.take() {
            events.push(Event { name, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(bytes: &[u8], sizes: &[usize]) -> Vec<Event> {
        let (mut reader, mut events) = (Events::default(), vec![]);
        let (mut rest, mut sizes) = (bytes, sizes.iter().cycle());
        while !rest.is_empty() {
            let size = sizes
                .next()
                .map_or(rest.len(), |size| *size)
                .clamp(1, rest.len());
            reader.push(&rest[..size], &mut events).unwrap();
            rest = &rest[size..];
        }
        reader.finish(&mut events);
        events
    }

    fn data(bytes: &[u8]) -> Vec<String> {
        let events = cut(bytes, &[]).into_iter();
        events.map(|event| event.data).collect()
    }

    #[test]
    fn the_standard_and_what_is_sent_instead() {
        let cases: &[(&str, &[&str])] = &[
            ("data: a\n\ndata: b\n\n", &["a", "b"]),
            ("data:a\r\n\r\ndata: b\r\rdata:  c", &["a", "b", " c"]),
            ("\u{feff}data: a\n\n", &["a"]),
            ("data: a\ndata: b\n\n", &["a\nb"]),
            (": PING\n\n:\n\nid: 1\nretry: 5\ndata: a\n\n\n\n", &["a"]),
            ("data\n\n", &[""]),
            ("{\"a\":1}\n\n", &["{\"a\":1}"]),
            ("nonsense\n\n", &[]),
            ("", &[]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(data(bytes.as_bytes()), *expected, "{bytes:?}");
        }
        let named = cut(b"event: error\ndata: x\n\nerror: y\n\ndata: z\n\n", &[]);
        let names: Vec<_> = named.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(names, ["error", "error", ""]);
    }

    #[test]
    fn an_event_without_an_end_is_given_up() {
        let mut reader = Events::default();
        let mut events = vec![];
        let piece = vec![b'a'; 1 << 20];
        let fed = (0..8).try_for_each(|_| reader.push(&piece, &mut events));
        assert_eq!(fed, Err(TooLarge));
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(
            text in "(data: ?[aé中👍]{0,3}|:x|event: e|)?(\n|\r|\r\n){1,2}(data:é👍\r\n){0,2}",
            sizes in prop::collection::vec(1usize..5, 1..6),
        ) {
            prop_assert_eq!(cut(text.as_bytes(), &sizes), cut(text.as_bytes(), &[]));
        }
    }
}
