//! Tool calls, joined from their pieces.

use crate::request::ToolNames;
use causerie_core::{Text, message::ToolCall};
use serde_json::Value;
use std::collections::HashSet;

/// The most calls one completion may make.
const MAX_CALLS: usize = 64;
/// The most bytes of arguments, all calls together.
const MAX_ARGUMENTS: usize = 1 << 20;

/// There are more calls, or longer ones, than any model means to make.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

/// Calls in the making, in the order in which they began.
///
/// A piece says which call it continues by its index. Where endpoints leave that out, or give every
/// call the same, an id that is new begins a call, and so does a name after arguments that are whole.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    calls: Vec<Pending>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Pending {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Pending {
    /// Whether the arguments are a JSON object from end to end.
    fn is_whole(&self) -> bool {
        serde_json::from_str::<Value>(&self.arguments).is_ok_and(|value| value.is_object())
    }
}

impl Calls {
    /// Takes a piece as it stands in a delta's `tool_calls`.
    pub(crate) fn push(&mut self, piece: &Value) -> Result<(), TooMany> {
        let function = match &piece["function"] {
            Value::Object(_) => &piece["function"],
            // Some put name and arguments beside the id.
            _ => piece,
        };
        let id = piece["id"].as_str().unwrap_or_default();
        let name = function["name"].as_str().unwrap_or_default();
        let arguments = match &function["arguments"] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            whole => whole.to_string(),
        };
        if id.is_empty() && name.is_empty() && arguments.is_empty() {
            return Ok(());
        }
        let index = piece["index"].as_u64();
        self.bytes += id.len() + name.len() + arguments.len();
        let at = match self.continued(index, id, name, &arguments) {
            Some(at) => at,
            None => {
                self.calls.push(Pending {
                    index,
                    ..Pending::default()
                });
                self.calls.len() - 1
            }
        };
        if self.bytes > MAX_ARGUMENTS || self.calls.len() > MAX_CALLS {
            return Err(TooMany);
        }
        let call = &mut self.calls[at];
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        // Some repeat the name with every piece.
        if call.name.is_empty() {
            name.clone_into(&mut call.name);
        }
        call.arguments.push_str(&arguments);
        Ok(())
    }

    fn continued(
        &self,
        index: Option<u64>,
        id: &str,
        name: &str,
        arguments: &str,
    ) -> Option<usize> {
        let same_index = |call: &Pending| index.is_none() || call.index == index;
        let begins = |call: &Pending| !name.is_empty() && !arguments.is_empty() && call.is_whole();
        let at = self.calls.iter().rposition(same_index)?;
        let call = &self.calls[at];
        if !id.is_empty() {
            let known = |call: &Pending| call.id == id && same_index(call);
            let known = self.calls.iter().rposition(known);
            let known = known.filter(|at| !begins(&self.calls[*at]));
            return known.or_else(|| (call.id.is_empty() && name.is_empty()).then_some(at));
        }
        let other = index.is_none() && !name.is_empty() && name != call.name;
        (!begins(call) && !other).then_some(at)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The calls. `broken_off` leaves out those whose arguments did not come to their end. `seed`
    /// makes the ids that are missing or were given twice: with it they are unlike those of the
    /// conversation's other rounds.
    pub(crate) fn finish(self, names: &ToolNames, broken_off: bool, seed: usize) -> Vec<ToolCall> {
        let mut ids = HashSet::new();
        let whole = |call: &Pending| !broken_off || call.is_whole();
        let calls = self.calls.into_iter().enumerate();
        calls
            .filter(|(_, call)| whole(call))
            .map(|(at, call)| {
                let mut id = call.id;
                if id.is_empty() || !ids.insert(id.clone()) {
                    id = format!("call_{seed}_{at}");
                    ids.insert(id.clone());
                }
                let arguments = if call.arguments.trim().is_empty() {
                    "{}".to_owned()
                } else {
                    call.arguments
                };
                ToolCall {
                    id,
                    name: names.read(&call.name),
                    arguments: Text::new(arguments),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
