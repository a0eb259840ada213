//! What a Telegram bot costs, seen from outside: the real server as a process, a Bot API server and
//! a model server in this one, the SQLite store. The platform's own limits are off.
//!
//! `cargo bench -p causerie --bench telegram`.

use causerie::bench::{Row, mebibytes, millis, quantile};
use causerie_testkit::{
    fake_models::{FakeModels, Reply, When},
    fake_telegram::{FakeTelegram, Sent, User},
    server::Server,
};
use futures::future::join_all;
use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

/// Messages one after the other, for what is added to each.
const ONE_BY_ONE: usize = 400;
/// Chats that write at the same time, and how often each does.
const CHATS: usize = 500;
const EACH: usize = 4;
/// How long the model of the crowd takes.
const MODEL: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // `cargo test --benches` asks only whether it runs.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let telegram = FakeTelegram::start().await;
    let models = FakeModels::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let program = Path::new(env!("CARGO_BIN_EXE_causerie"));
    let server = Server::start(program, directory.path(), &config(&telegram, &models));
    one_by_one(&telegram, &models, &server).await;
    let silent = Reply::say("It took a second.").delayed(MODEL);
    crowd(&telegram, &models, &server, "answers after 1 s", silent).await;
    let words = "A word after another. ".repeat(5);
    let growing = Reply::say(&words).paced(MODEL / 20);
    crowd(&telegram, &models, &server, "speaks for 1 s", growing).await;
    let found = telegram.violations();
    assert!(found.is_empty(), "{found:#?}");
}

fn config(telegram: &FakeTelegram, models: &FakeModels) -> String {
    let (api, token, url) = (telegram.url(), telegram.token(), models.url());
    format!(
        "[models.fake]\nkind = \"openai\"\nmodel = \"fake\"\nbase_url = \"{url}\"\n\
         context = 65536\n\
         [personas.assistant]\nmodels = [\"fake\"]\n\
         [platforms.telegram.bench]\ntoken = \"{token}\"\napi_url = \"{api}\"\n"
    )
}

async fn one_by_one(telegram: &FakeTelegram, models: &FakeModels, server: &Server) {
    let people: Vec<User> = (0..10).map(|n| telegram.user(&format!("P{n}"))).collect();
    let (mut to_model, mut to_answer) = (vec![], vec![]);
    let mut before = server.cost().expect("it runs");
    for number in 0..ONE_BY_ONE + 20 {
        if number == 20 {
            // The first ones open connections and files.
            (to_model, to_answer) = (vec![], vec![]);
            before = server.cost().expect("it runs");
        }
        let person = &people[number % people.len()];
        let words = format!("number {number}");
        let said = Instant::now();
        telegram.say(person.id, person, &words);
        let answer = telegram
            .wait_for(person.id, |sent| sent.text == words)
            .await;
        to_answer.push(answer.at - said);
        let asked = models.requests().pop().expect("the model was asked");
        to_model.push(asked.at - said);
    }
    let after = server.cost().expect("it runs");
    to_model.sort_unstable();
    to_answer.sort_unstable();
    row(
        "update to the model's request, p50",
        &millis(quantile(&to_model, 0.5)),
    );
    row(
        "update to the model's request, p99",
        &millis(quantile(&to_model, 0.99)),
    );
    row(
        "update to the final text, p50",
        &millis(quantile(&to_answer, 0.5)),
    );
    row(
        "update to the final text, p99",
        &millis(quantile(&to_answer, 0.99)),
    );
    let cpu = (after.cpu - before.cpu) / u32::try_from(ONE_BY_ONE).expect("few");
    row("CPU per message, one by one", &millis(cpu));
    row("resident", &mebibytes(after.resident));
}

async fn crowd(
    telegram: &FakeTelegram,
    models: &FakeModels,
    server: &Server,
    name: &str,
    reply: Reply,
) {
    models.on(When::Always, reply);
    let people: Vec<User> = (0..CHATS)
        .map(|n| telegram.user(&format!("{name} {n}")))
        .collect();
    let before = server.cost().expect("it runs");
    let began = Instant::now();
    // Each chat writes again as soon as it has its answer.
    let chat = async |person: &User| {
        for round in 1..=EACH {
            let words = format!("round {round}");
            let asked = telegram.say(person.id, person, &words);
            telegram
                .wait_for(person.id, |sent| sent.reply_to == Some(asked))
                .await;
        }
    };
    join_all(people.iter().map(chat)).await;
    let took = began.elapsed();
    let after = server.cost().expect("it runs");
    for person in &people {
        let sent = telegram.messages(person.id);
        let replies: Vec<Option<i64>> = sent.iter().map(|sent: &Sent| sent.reply_to).collect();
        let once: BTreeSet<_> = replies.iter().collect();
        assert_eq!(
            (sent.len(), once.len()),
            (EACH, EACH),
            "lost or doubled: {sent:?}"
        );
        assert!(replies.is_sorted(), "out of order: {sent:?}");
    }
    let messages = u32::try_from(CHATS * EACH).expect("few");
    let rate = f64::from(messages) / took.as_secs_f64();
    let figure = |what: &str| format!("500 chats, a model that {name}: {what}");
    row(&figure("messages per second"), &format!("{rate:.0}"));
    let cpu = (after.cpu - before.cpu) / messages;
    row(&figure("CPU per message"), &millis(cpu));
    row(&figure("resident at most"), &mebibytes(after.peak));
}

fn row(figure: &str, measured: &str) {
    println!("{}", Row::new(figure, measured));
}
