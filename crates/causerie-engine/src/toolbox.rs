//! The tools that models may call.

use crate::engine::EngineError;
use causerie_core::{
    Text,
    id::ToolName,
    message::ToolCall,
    tool::{Tool, ToolContext, ToolError, ToolSpec},
};
use futures::FutureExt;
use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

/// The longest one call may take. The turn's own deadline stands above it.
const CALL_DEADLINE: Duration = Duration::from_secs(60);

/// All tools, by name.
pub(crate) struct Toolbox(BTreeMap<ToolName, Arc<dyn Tool>>);

impl Toolbox {
    pub(crate) fn new(tools: Vec<Arc<dyn Tool>>) -> Result<Self, EngineError> {
        let mut named = BTreeMap::new();
        for tool in tools {
            let name = tool.spec().name;
            if named.insert(name.clone(), tool).is_some() {
                return Err(EngineError::ToolTwice(name.to_string()));
            }
        }
        Ok(Self(named))
    }

    pub(crate) fn has(&self, name: &ToolName) -> bool {
        self.0.contains_key(name)
    }

    /// What the model is told of the tools named.
    pub(crate) fn specs(&self, names: &[ToolName]) -> Vec<ToolSpec> {
        names
            .iter()
            .filter_map(|name| self.0.get(name))
            .map(|tool| tool.spec())
            .collect()
    }

    /// Calls a tool, if it is one of `allowed`. What goes wrong is told to the model, which may
    /// try again or do without.
    pub(crate) async fn call(
        &self,
        call: &ToolCall,
        allowed: &[ToolName],
        context: &ToolContext,
    ) -> Text {
        let tool = self
            .0
            .get(&call.name)
            .filter(|_| allowed.contains(&call.name));
        let Some(tool) = tool else {
            return Text::new("error: there is no such tool");
        };
        let running = AssertUnwindSafe(tool.call(&call.arguments, context)).catch_unwind();
        match tokio::time::timeout(CALL_DEADLINE, running).await {
            Ok(Ok(Ok(output))) => output,
            Ok(Ok(Err(error))) => Text::new(format!("error: {}", told(&error))),
            Ok(Err(_panic)) => {
                tracing::error!(tool = %call.name, "a tool has panicked");
                Text::new("error: the tool is broken")
            }
            Err(_elapsed) => Text::new("error: the tool took too long"),
        }
    }
}

fn told(error: &ToolError) -> String {
    if let ToolError::Unavailable(source) = error {
        tracing::warn!(error = %source, "a tool is not available");
    }
    error.to_string()
}
