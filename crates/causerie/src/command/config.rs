//! `causerie config`: an example, the schema, and what is in effect.

use super::{load, print};
use crate::{
    cli::{ConfigCommand, Global},
    config::{EXAMPLE, json_schema, show},
    failure::Failure,
};

pub(super) fn run(command: &ConfigCommand, global: &Global) -> Result<u8, Failure> {
    match command {
        ConfigCommand::Example => print(EXAMPLE)?,
        ConfigCommand::Schema => print(&format!("{:#}\n", json_schema()))?,
        ConfigCommand::Show => print(&show(&load(global)?).map_err(Failure::internal)?)?,
    }
    Ok(0)
}
