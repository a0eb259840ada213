//! The remote backend: any endpoint that speaks OpenAI's chat completions. OpenAI itself, Azure,
//! OpenRouter, DeepSeek, Ollama, vLLM, llama.cpp's server, LM Studio and their like.
//!
//! In reading order:
//!
//! * [`Config`]: what the operator may choose
//! * [`OpenAi`]: the [`Backend`](causerie_core::backend::Backend), which also lists models and embeds
//! * `endpoint`: where it is, and what follows from that; `window`: how many tokens the model takes
//! * `request`: a prompt as the endpoint wants it; [`Pictures`] brings the bytes of pictures
//! * `courier`: sends it, once; `refusal` and `wait` read what is wrong if the answer is no answer
//! * `events`, `reader`, `answer`, `calls`, `usage`, `stream`: the bytes become deltas
//!
//! # How async-openai is used
//!
//! async-openai makes every request: its calls with bring-your-own types know the paths, headers and
//! parameters. Sending and reading are ours, by its service hook, because what it does there loses
//! what we promise:
//!
//! * an error whose body is not JSON loses its HTTP status, and every error loses the headers that say
//!   when to come back;
//! * it writes whole bodies, which hold what people wrote, to the log;
//! * its streams are read by a task of its own into a queue without a bound; the name of an event and
//!   whether `[DONE]` came are lost, so that an error or a cut looks like an end;
//! * an answer that is plain JSON although a stream was asked for is lost;
//! * it tries again by itself, and our retry stands outside, once, where it is counted.
//!
//! So nothing of it writes to the log, no environment variable of it is read (the endpoint's
//! configuration is our own implementation of its trait), and none of its types is public.

mod answer;
mod calls;
mod config;
mod courier;
mod endpoint;
mod events;
mod fault;
mod openai;
mod picture;
mod reader;
mod refusal;
mod request;
mod stream;
mod usage;
mod wait;
mod window;

pub use config::{Azure, Config, OutputLimit, SamplingFields};
pub use openai::{ModelInfo, OpenAi};
pub use picture::Pictures;
