//! `causerie migrate`: everything that is kept goes to another store.

use super::{load, print, runtime};
use crate::{
    cli::{Global, MigrateArgs},
    config::{Config, StoreUrl},
    failure::{DIFFERENT, Failure},
    migrate::{Comparison, MigrateError, Sides},
    telemetry,
    wire::Carried,
};
use causerie_core::Clock;
use causerie_engine::SystemClock;
use indicatif::ProgressBar;
use std::sync::Arc;

pub(super) fn run(args: &MigrateArgs, global: &Global) -> Result<u8, Failure> {
    let loaded = load(global)?;
    telemetry::log_quietly(global);
    let (from, to) = (url("--from", &args.from)?, url("--to", &args.to)?);
    runtime()?.block_on(migrate(args, &loaded.config, &from, &to))
}

async fn migrate(
    args: &MigrateArgs,
    config: &Config,
    from: &StoreUrl,
    to: &StoreUrl,
) -> Result<u8, Failure> {
    if String::from(from.clone()) == String::from(to.clone()) {
        return Err(Failure::Argument {
            what: "--to",
            given: String::from(to.clone()),
            reason: "it is where everything comes from".to_owned(),
        });
    }
    // Before anything is made.
    if let (StoreUrl::Memory, _) | (_, StoreUrl::Memory) = (from, to) {
        return Err(MigrateError::Memory.into());
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let from = Carried::source(from, config, &clock).await?;
    let opened = match args.check {
        true => Carried::source(to, config, &clock).await,
        false => Carried::target(to, config, &clock).await,
    };
    let to = match opened {
        Ok(to) => to,
        Err(failure) => {
            from.close().await;
            return Err(failure);
        }
    };
    let sides = Sides {
        from: from.side.clone(),
        to: to.side.clone(),
        now: clock.now(),
    };
    let bar = ProgressBar::new_spinner().with_message("conversations");
    let progress = || bar.inc(1);
    let compared = match args.check {
        true => sides.check(&progress).await,
        false => sides.migrate(&progress).await,
    };
    bar.finish_and_clear();
    let names = (from.side.name.clone(), to.side.name.clone());
    drop(sides);
    from.close().await;
    to.close().await;
    report(&compared?, args, &names)
}

fn report(
    comparison: &Comparison,
    args: &MigrateArgs,
    (from, to): &(String, String),
) -> Result<u8, Failure> {
    if args.json {
        print(&format!("{}\n", comparison.as_json(from, to)))?;
    } else {
        print(&format!(
            "from  {from}\nto    {to}\n\n{}",
            comparison.table()
        ))?;
        let copied = comparison.copied;
        print(&match (comparison.is_equal(), copied) {
            (true, Some(copied)) => {
                format!("\nBoth hold the same; conversations copied: {copied}.\n")
            }
            (true, None) => "\nBoth hold the same.\n".to_owned(),
            (false, None) if !args.check => "\nThey differ. This migration had come to its end \
                before, so nothing was copied: one of them has gone on since.\n"
                .to_owned(),
            (false, _) => "\nThey differ.\n".to_owned(),
        })?;
    }
    Ok(if comparison.is_equal() { 0 } else { DIFFERENT })
}

/// A password may stand in what cannot be read: only its beginning is repeated.
fn url(what: &'static str, given: &str) -> Result<StoreUrl, Failure> {
    StoreUrl::try_from(given.to_owned()).map_err(|reason| Failure::Argument {
        what,
        given: given.split(':').next().unwrap_or_default().to_owned(),
        reason,
    })
}
