//! Tries each Telegram bot: who it is, what it hears, and how updates come to it.

use super::Report;
use crate::{
    config::{Config, TelegramConfig},
    failure::{self, Failure},
    wire,
};
use causerie_core::id::PlatformId;
use causerie_telegram::{Introduction, Telegram, TelegramError, Transport};

/// So many updates that wait are more than a pause explains.
const MANY: u64 = 100;

pub(super) async fn examine(config: &Config, report: &mut Report) -> Result<(), Failure> {
    for (name, bot) in &config.platforms.telegram {
        if bot.enabled {
            one(name, bot, report).await?;
        }
    }
    Ok(())
}

async fn one(name: &PlatformId, bot: &TelegramConfig, report: &mut Report) -> Result<(), Failure> {
    let part = |what: &str| format!("telegram {name}, {what}");
    let failed = |error: TelegramError| {
        let code = match error {
            TelegramError::Unavailable { .. } => failure::UNAVAILABLE,
            _ => failure::USAGE,
        };
        Failure::platform(code, error)
    };
    // The server that runs has the webhook's address.
    let config = causerie_telegram::Config {
        transport: Transport::Polling,
        ..wire::telegram_config(name, bot)
    };
    let telegram = match Telegram::new(config).await {
        Ok(telegram) => telegram,
        Err(error) => return report.bad(&part("token"), &failed(error)),
    };
    let me = match telegram.introduce().await {
        Ok(me) => me,
        Err(error) => return report.bad(&part("token"), &failed(error)),
    };
    report.well(&part("token"), &format!("@{}", me.username))?;
    groups(&me, bot, &part("groups"), report)?;
    match telegram.delivery().await {
        Err(error) => report.bad(&part("updates"), &failed(error)),
        Ok(delivery) => match delivery.last_error_message {
            Some(error) if !delivery.url.is_empty() => {
                let text = format!("Telegram could not reach {}: {error}", delivery.url);
                report.note(&part("updates"), &text)
            }
            _ if bot.webhook_url.is_none() && !delivery.url.is_empty() => report.note(
                &part("updates"),
                "there is a webhook; the server takes it away when it starts, because it polls",
            ),
            _ if delivery.pending_update_count > MANY => {
                let text = format!(
                    "{} wait; is the server running?",
                    delivery.pending_update_count
                );
                report.note(&part("updates"), &text)
            }
            _ => report.well(
                &part("updates"),
                &format!("{} wait", delivery.pending_update_count),
            ),
        },
    }
}

fn groups(
    me: &Introduction,
    bot: &TelegramConfig,
    part: &str,
    report: &mut Report,
) -> Result<(), Failure> {
    match (me.joins_groups, me.hears_all, bot.names.is_empty()) {
        (false, ..) => report.note(
            part,
            "it cannot be added to any; @BotFather, /setjoingroups changes that",
        ),
        (true, false, false) => report.note(
            part,
            "privacy mode is on, so it never hears its `names`: @BotFather, /setprivacy, Disable, \
             and add it to its groups again",
        ),
        (true, false, true) => report.well(
            part,
            "it hears commands, mentions and replies to it (privacy mode is on)",
        ),
        (true, true, _) => report.well(part, "it hears everything (privacy mode is off)"),
    }
}
