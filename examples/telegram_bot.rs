//! A Telegram bot of one's own, in a program of one's own: it answers with what it is told.
//!
//! ```sh
//! TELEGRAM_TOKEN=110201543:AAHd… cargo run --example telegram_bot
//! ```

use causerie::{
    core::{Clock, id::PlatformId},
    echo::Echo,
    engine::{Config, Engine, Parts, SystemClock},
    store::MemoryStore,
    telegram::{self, Telegram},
};
use std::{env, error::Error, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let token = env::var("TELEGRAM_TOKEN").map_err(|_| "set TELEGRAM_TOKEN; see @BotFather")?;
    let mut config = telegram::Config::new(PlatformId::new("telegram")?, token.into());
    if let Ok(server) = env::var("TELEGRAM_API_URL") {
        config.api_url = server;
    }
    let bot = Arc::new(Telegram::new(config).await?);
    println!("https://t.me/{}", bot.introduce().await?.username);

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let model = Arc::new(Echo {
        delay: Duration::from_millis(300),
        pace: Duration::from_millis(100),
        context: 4096,
    });
    let parts = Parts::single(store, clock, model, bot, "You repeat.");
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::signal::ctrl_c().await.ok();
        stopped.cancel();
    });
    Engine::new(Config::default(), parts)?.run(stop).await?;
    Ok(())
}
