//! Loads a model, or says what the operator has to do.

use crate::{
    Config, complaint::heard, gguf, quick, size, template::ChatTemplate, vocabulary::Vocabulary,
};
use causerie_core::Clock;
use llama_cpp_2::{
    LogOptions,
    context::{LlamaContext, params::LlamaContextParams},
    llama_backend::LlamaBackend,
    llama_batch::LlamaBatch,
    model::{LlamaModel, params::LlamaModelParams},
    send_logs_to_tracing,
    token::LlamaToken,
};
use std::{
    num::NonZeroU32,
    sync::{Arc, OnceLock},
};

/// Tokens in one call of llama.cpp: the most of a prompt that is fed between two looks at what
/// else there is to do.
pub(crate) const BATCH: u32 = 512;
/// Tokens that are computed together.
const MICROBATCH: u32 = BATCH;
/// `LLAMA_FLASH_ATTN_TYPE_ENABLED`. Measured on a processor without AVX-512: prompts and answers side
/// by side are computed up to a third faster with it, one answer behind 1,500 tokens no faster. A
/// question of 14 tokens there takes 150 ms and would take 100 without.
const FLASH_ATTENTION: i32 = 1;

/// A model in memory.
pub(crate) struct Loaded {
    pub(crate) model: Arc<LlamaModel>,
    pub(crate) vocabulary: Arc<Vocabulary>,
    pub(crate) size: size::Size,
}

/// Loads the model that `config` names. `progress` is told a share from 0 to 1 and says whether
/// to go on.
///
/// # Errors
/// What the operator has to do.
pub(crate) fn load(
    config: &Config,
    clock: Arc<dyn Clock>,
    progress: impl FnMut(f32) -> bool + 'static,
) -> Result<Loaded, String> {
    check_processor()?;
    let layout = gguf::read(&config.path).map_err(|error| named(config, &error.to_string()))?;
    let file = quick::form(config, &layout);
    let params = LlamaModelParams::default().with_progress_callback(progress);
    let backend = backend()?;
    let (model, complaint) = heard(&config.path, || {
        LlamaModel::load_from_file(backend, &file, &params)
    });
    let model = model.map_err(|_| {
        let cause = "it may be of a family it does not know, or too large for the memory";
        let said = said(&complaint);
        let reason = format!(
            "llama.cpp cannot load this model: {cause}.{said} Choose another model, or free some \
             memory"
        );
        named(config, &reason)
    })?;
    let model = Arc::new(model);
    let template = template(&model, clock);
    let size = size::choose(config, &model);
    let vocabulary = Arc::new(Vocabulary::new(model.clone(), template));
    Ok(Loaded {
        model,
        vocabulary,
        size,
    })
}

/// The context of `loaded`, warm: the weights have been read from disk once.
///
/// Each conversation has a stream of its own: attention then costs what one conversation's
/// history costs, and not what all of them together would.
///
/// # Errors
/// What the operator has to do.
pub(crate) fn context<'m>(config: &Config, loaded: &'m Loaded) -> Result<LlamaContext<'m>, String> {
    let threads = size::threads(config);
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(loaded.size.context * loaded.size.slots))
        .with_n_seq_max(loaded.size.slots)
        .with_n_batch(BATCH)
        .with_n_ubatch(MICROBATCH)
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
        .with_flash_attention_policy(FLASH_ATTENTION)
        .with_kv_unified(false)
        .with_no_perf(true);
    let backend = backend()?;
    let (context, complaint) = heard(&config.path, || loaded.model.new_context(backend, params));
    let mut context = context.map_err(|_| {
        let said = said(&complaint);
        let reason = format!(
            "there is not enough memory for this model's context.{said} Set a smaller `context` or \
             fewer `slots`, or choose a smaller model"
        );
        named(config, &reason)
    })?;
    warm(&mut context, loaded.model.vocab().bos()).map_err(|reason| named(config, &reason))?;
    Ok(context)
}

/// `reason` with the file it is about: a configuration may name several.
fn named(config: &Config, reason: &str) -> String {
    format!("{}: {reason}", config.path.display())
}

/// llama.cpp's own words as a sentence, if there are any.
fn said(complaint: &str) -> String {
    if complaint.is_empty() {
        return String::new();
    }
    format!(" It says: {}.", complaint.trim_end_matches('.'))
}

fn warm(context: &mut LlamaContext<'_>, token: LlamaToken) -> Result<(), String> {
    let token = LlamaToken(token.0.max(0));
    let mut batch = LlamaBatch::new(1, 1);
    batch
        .add(token, 0, &[0], true)
        .expect("there is room for one");
    context.decode(&mut batch).map_err(|error| {
        format!("the model computes nothing ({error}). Choose another model or file")
    })?;
    context.clear_kv_cache();
    Ok(())
}

/// llama.cpp can be initialised once in a process and is shared by all its models, so this is the
/// one thing here that is not passed in.
pub(crate) fn backend() -> Result<&'static LlamaBackend, String> {
    static BACKEND: OnceLock<Result<LlamaBackend, String>> = OnceLock::new();
    let initialise = || {
        // It is talkative: whoever collects logs silences the target `llama-cpp-2`.
        send_logs_to_tracing(LogOptions::default());
        LlamaBackend::init().map_err(|error| format!("llama.cpp does not start: {error}"))
    };
    BACKEND
        .get_or_init(initialise)
        .as_ref()
        .map_err(Clone::clone)
}

fn template(model: &LlamaModel, clock: Arc<dyn Clock>) -> ChatTemplate {
    let vocab = model.vocab();
    let text = |token: LlamaToken| {
        let known = (token.0 >= 0).then(|| vocab.text(token)).flatten();
        known
            .map(|text| text.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let source = model
        .chat_template(None)
        .ok()
        .and_then(|source| source.to_string().ok());
    ChatTemplate::new(
        source.as_deref(),
        &text(vocab.bos()),
        &text(vocab.eos()),
        clock,
    )
}

/// llama.cpp is built for these; without them the process would die of an illegal instruction.
#[cfg(target_arch = "x86_64")]
fn check_processor() -> Result<(), String> {
    use std::arch::is_x86_feature_detected;
    let lacks: Vec<&str> = [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("F16C", is_x86_feature_detected!("f16c")),
        ("BMI2", is_x86_feature_detected!("bmi2")),
    ]
    .into_iter()
    .filter_map(|(name, there)| (!there).then_some(name))
    .collect();
    if lacks.is_empty() {
        return Ok(());
    }
    Err(format!(
        "this processor lacks {}, which local models need. Use a remote model, or a machine from \
         2015 or later",
        lacks.join(", ")
    ))
}

#[cfg(not(target_arch = "x86_64"))]
fn check_processor() -> Result<(), String> {
    Ok(())
}
