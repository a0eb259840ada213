//! The bot of `examples/telegram_bot.rs`.

use crate::program;
use causerie_testkit::fake_telegram::FakeTelegram;
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bot_of_the_example_says_who_it_is_and_answers() {
    let telegram = FakeTelegram::start().await;
    let bot = program().with_file_name("examples").join("telegram_bot");
    assert!(bot.exists(), "build it first: cargo build --examples");
    let mut bot = Command::new(bot)
        .env("TELEGRAM_TOKEN", telegram.token())
        .env("TELEGRAM_API_URL", telegram.url())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it can be started");
    let out = bot.stdout.take().expect("it is piped");
    let line = BufReader::new(out).lines().next_line().await;
    let line = line.expect("it can be read").expect("it says something");
    assert_eq!(line, "https://t.me/causerie_bot");
    let ann = telegram.user("Ann");
    telegram.say(ann.id, &ann, "One two three");
    let answer = telegram.wait_messages(ann.id, 1).await;
    assert_eq!(answer[0].text, "One two three");
    assert!(telegram.violations().is_empty());
}
