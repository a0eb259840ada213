//! Personas, from their configuration.

use crate::{
    config::{Config, PersonaConfig},
    failure::Failure,
};
use causerie_core::{
    Text,
    assemble::check_persona,
    backend::Privacy,
    id::PersonaName,
    limit::Limit,
    persona::{Example, Persona, Sampling, WindowPolicy},
};
use std::{collections::BTreeMap, sync::Arc};

/// What a persona is told that is told nothing.
const SYSTEM: &str = "You are a helpful assistant. Answer briefly and plainly. If you do not know \
                      something, say so.";

/// Builds one persona, its system prompt read and its template tried.
///
/// # Errors
/// If the file of the system prompt cannot be read, or the template is no good.
pub fn persona(name: &PersonaName, config: &PersonaConfig) -> Result<Persona, Failure> {
    let mut system = system_prompt(name, config)?;
    if let Some(language) = &config.language {
        system.push_str(&format!("\n\nAlways answer in {language}."));
    }
    let narrow = |number: Option<f64>| number.map(|number| number as f32);
    let persona = Persona {
        variables: config.variables.clone(),
        examples: config.examples.iter().map(example).collect(),
        tools: config.tools.clone(),
        sampling: Sampling {
            temperature: narrow(config.temperature),
            top_p: narrow(config.top_p),
            top_k: config.top_k,
            min_p: narrow(config.min_p),
            repeat_penalty: narrow(config.repeat_penalty),
            seed: config.seed,
        },
        max_output_tokens: config.max_output_tokens,
        max_steps: config.max_steps,
        tell_time: config.tell_time,
        window: WindowPolicy {
            high_water: config.high_water as f32,
            low_water: config.low_water as f32,
        },
        summarise: config.summarise,
        limits: config.limits.iter().map(Limit::from).collect(),
        fallback_privacy: config.fallback_privacy.map(Privacy::from),
        ..Persona::new(name.clone(), system, config.models.clone())
    };
    let failed = |source| Failure::Persona {
        persona: name.clone(),
        source,
    };
    check_persona(&persona).map_err(failed)?;
    Ok(persona)
}

/// Builds all personas.
///
/// # Errors
/// As [`persona`].
pub fn personas(config: &Config) -> Result<BTreeMap<PersonaName, Arc<Persona>>, Failure> {
    let build = |(name, config)| Ok((PersonaName::clone(name), Arc::new(persona(name, config)?)));
    config.personas.iter().map(build).collect()
}

/// The persona that `asked` names, or the one that is meant when nothing is named.
///
/// # Errors
/// If there is none of that name, or several and none is named `assistant`.
pub fn choose<'c>(
    config: &'c Config,
    asked: Option<&str>,
) -> Result<(&'c PersonaName, &'c PersonaConfig), Failure> {
    let named = |name: &str| {
        config
            .personas
            .iter()
            .find(|(known, _)| known.as_str() == name)
    };
    let only = || {
        config
            .personas
            .iter()
            .next()
            .filter(|_| config.personas.len() == 1)
    };
    let found = match asked {
        Some(name) => named(name),
        None => only().or_else(|| named("assistant")),
    };
    found.ok_or_else(|| Failure::NoPersona {
        name: asked.unwrap_or_default().to_owned(),
        known: config.personas.keys().map(ToString::to_string).collect(),
    })
}

fn system_prompt(name: &PersonaName, config: &PersonaConfig) -> Result<String, Failure> {
    match (&config.system, &config.system_file) {
        (Some(system), _) => Ok(system.clone()),
        (None, Some(path)) => std::fs::read_to_string(path).map_err(|source| Failure::SystemFile {
            persona: name.clone(),
            path: path.clone(),
            source,
        }),
        (None, None) => Ok(SYSTEM.to_owned()),
    }
}

fn example(example: &crate::config::ExampleConfig) -> Example {
    Example {
        user: Text::new(&example.user),
        assistant: Text::new(&example.assistant),
    }
}
