//! The command line.

use crate::config::LogFormat;
use clap::{ArgAction, Args, Parser, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  causerie run                                  serve the page at http://127.0.0.1:8080
  causerie chat                                 talk in the terminal
  causerie ask \"What is the capital of France?\"
  git diff | causerie ask \"Write a commit message for this change\"
  causerie config example > causerie.toml       a file with every option
  causerie check                                say what is wrong with it

Exit codes:
  0  well    64  wrong usage or configuration    69  a model, a store or a port is not available
  70  a mistake of ours    74  input or output failed    130  interrupted";

/// A language model in your chat: on a web page and in the terminal.
#[derive(Debug, Parser)]
#[command(name = "causerie", version, after_help = EXAMPLES)]
#[command(
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Clone, Debug, Default, Args)]
pub struct Global {
    /// The configuration file [default: $CAUSERIE_CONFIG, ./causerie.toml,
    /// ~/.config/causerie/causerie.toml, or none at all]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The directory for everything that is kept, over the configuration's
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Say more; twice: say everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// How logs are written, over the configuration's
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve: the web page, and every other platform that is configured
    #[command(after_help = "\
The page answers at once; a model that is not here yet is fetched in the background, and whoever asks
before it is there is told so. SIGTERM or Ctrl-C ends it: running answers may finish within `grace`; a
second signal ends it at once, and what was under way is finished after the next start.")]
    Run,
    /// Talk in the terminal
    #[command(after_help = "\
Ctrl-C stops an answer, Ctrl-D leaves. /help shows what else you can say. Conversations are kept in
terminal.sqlite in the data directory, so that this works while a server runs.")]
    Chat(ChatArgs),
    /// Ask one question and print the answer
    #[command(after_help = "\
Examples:
  causerie ask \"What is the capital of France?\"
  causerie ask --json \"Name three rivers\" | jq -r .answer
  causerie ask \"Explain this\" < error.log

Nothing is kept. Exit codes: 0 answered, 65 the input is no text, 69 it could not be answered, 75 a
limit is used up, 77 refused, 130 interrupted.")]
    Ask(AskArgs),
    /// Model files: which there are, where they lie, and how they come here
    Models {
        /// What to do.
        #[command(subcommand)]
        command: ModelsCommand,
    },
    /// Check the configuration, the store's place, the personas and the models
    Check,
    /// The configuration: an example, its schema, or what is in effect
    Config {
        /// What to do.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Ask the running server whether it is ready, for supervisors: exit code 0 if it is, 69 if not
    Ready,
    /// Show how the turns of a conversation ended, and why
    #[command(after_help = "\
Examples:
  causerie explain                              the latest turns of all conversations
  causerie explain web/4f2a….c81b…              a conversation
  causerie explain web/4f2a….c81b… --message m7 the turn of one message

Each turn is shown with its conversation, so begin without one. It reads beside a running server and changes nothing. No text of people is shown.")]
    Explain(ExplainArgs),
    /// Move everything that is kept from one store to another
    #[command(after_help = "\
Examples:
  causerie migrate --from sqlite:causerie.db --to redis://redis.example
  causerie migrate --from redis://redis.example --to sqlite:back.db
  causerie migrate --from sqlite:causerie.db --to redis://redis.example --check

Stop every server on both first. The source is never changed. Begun again after it was broken off, it
goes on; until it has come to its end, no server opens the target. Files are relative to the data
directory; what [store.redis] says (prefix, password, encryption) holds for Redis. Claims and roles
are left behind. Exit codes: 0 both hold the same, 64 wrong usage, 65 they differ, 69 one cannot be
used, is in use, or the target holds something else.")]
    Migrate(MigrateArgs),
    /// Encrypt what Redis holds with another key
    #[command(after_help = "\
To change keys:
  1. Put the new key first in `encryption_keys` of [store.redis], keep the old one behind it, and start
     every server again.
  2. causerie rekey
  3. Take the old key away, and start every server again.

Servers may run meanwhile. Begun again after it was broken off, it begins anew. With no key in
`encryption_keys` there is nothing to read what is encrypted with: to end encryption, put
everything elsewhere with `causerie migrate`.")]
    Rekey,
    /// Try everything the server needs, and say what to fix
    #[command(after_help = "\
Checks the configuration as `check` does, then writes to the store and reads from it, looks at the
disk, and asks each model behind an endpoint: its list of models, a short answer, and a tool. A few
tokens are paid for.")]
    Doctor,
    /// Measure this machine: what a turn costs, and how fast local models are
    #[command(after_help = "\
Turns are measured on the disk of the data directory, with a model that answers at once. Local models
are measured with eight conversations of 3,072 tokens; expect a minute or two for a small one.")]
    Bench(BenchArgs),
}

/// How to talk in the terminal.
#[derive(Debug, Args)]
pub struct ChatArgs {
    /// Who answers [default: the only persona, or the one named `assistant`]
    #[arg(long, value_name = "NAME")]
    pub persona: Option<String>,
    /// Which conversation to go on with
    #[arg(long, value_name = "NAME")]
    pub conversation: Option<String>,
}

/// What to ask.
#[derive(Debug, Args)]
pub struct AskArgs {
    /// The question; `-` or nothing reads it from standard input
    pub question: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// Who answers [default: the only persona, or the one named `assistant`]
    #[arg(long, value_name = "NAME")]
    pub persona: Option<String>,
    /// How freely words are chosen; 0 gives the same answer each time
    #[arg(long, value_name = "NUMBER")]
    pub temperature: Option<f32>,
}

/// What to do with model files.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Show the models known by name, and every other file that is here
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Fetch a model, going on where an earlier attempt stopped
    Pull {
        /// A name from `causerie models list`, or hf:OWNER/REPO/FILE
        #[arg(default_value = causerie_local::models::DEFAULT_MODEL)]
        model: String,
    },
    /// Print where a model's file is
    Path {
        /// A name from `causerie models list`, a path, or hf:OWNER/REPO/FILE [default: the directory]
        model: Option<String>,
    },
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print a file with every option, commented
    Example,
    /// Print the JSON Schema of the file, for editors
    Schema,
    /// Print what is in effect, from file, environment and defaults; secrets show as nothing
    Show,
}

/// What to explain.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A conversation, such as `web/…`; the latest turns of all if left out
    pub conversation: Option<String>,
    /// Only the turn of this message of the conversation, by the platform's own id of it
    #[arg(long, value_name = "MESSAGE", requires = "conversation")]
    pub message: Option<String>,
    /// How many turns
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 10)]
    pub limit: usize,
    /// As JSON, a turn a line
    #[arg(long)]
    pub json: bool,
}

/// What to move where.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// The store where everything is: sqlite:FILE, redis://HOST, redis-sentinel://… or
    /// redis-cluster://…
    #[arg(long, value_name = "URL")]
    pub from: String,
    /// The store where it goes
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// Only compare both
    #[arg(long)]
    pub check: bool,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

/// What to measure.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Measure this local model [default: those of the configuration]
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
}
