//! The real line editor on a real pseudo-terminal, which `script` (of every Debian) makes.
//!
//! The tests start their own program again on that terminal, with [`on_the_terminal`] or
//! [`in_colour`] as the only thing to do.

use super::{
    clock,
    inbox::{Act, Door, Engine},
};
use crate::{Chat, ChatConfig, Ending};
use causerie_core::platform::Platform;
use futures::future;
use std::{
    env, fs,
    io::{ErrorKind, Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

const HISTORY: &str = "CAUSERIE_TEST_TERMINAL_HISTORY";

/// What runs on the pseudo-terminal.
#[test]
#[ignore = "only runs on the terminal that another test makes"]
fn on_the_terminal() {
    talk([Act::Endless("On and on")]);
}

/// The same, with an answer worth rendering.
#[test]
#[ignore = "only runs on the terminal that another test makes"]
fn in_colour() {
    talk([Act::Stream(&[
        "It is **ve",
        "ry** easy \x1b]0;title\x07.\n",
    ])]);
}

fn talk(acts: impl IntoIterator<Item = Act>) {
    let history = env::var_os(HISTORY)
        .expect("started by another test")
        .into();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let config = ChatConfig {
            conversation: None,
            name: "Me".to_owned(),
            history: Some(history),
            clock: clock(),
        };
        let chat = Arc::new(Chat::new(config).unwrap());
        let engine = Arc::new(Engine::new(acts));
        engine.serve(&(Arc::clone(&chat) as Arc<dyn Platform>));
        let inbox = Arc::new(Door(Arc::clone(&engine)));
        chat.run(inbox, Box::pin(future::pending())).await.unwrap();
        assert_eq!(chat.ending(), Ending::Answered);
        println!("said {:?}", engine.texts());
    });
}

struct Keyboard {
    child: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<String>>,
    moved: mpsc::Receiver<()>,
}

impl Keyboard {
    /// Runs `test` on a terminal; `None`, with a word about it, if there is no `script` here.
    fn start(test: &str, colours: bool, history: &std::path::Path) -> Option<Self> {
        let program = env::current_exe().unwrap();
        // Ctrl-C reaches the shell too, and ends it where nothing is said of that.
        let run = format!(
            "trap : INT; '{}' --ignored --exact --nocapture tests::keyboard::{test}; \
             echo \"left with $?.\"; read -r _",
            program.display()
        );
        let started = Command::new("script")
            .args(["-qfc", &run, "/dev/null"])
            .env(HISTORY, history)
            // Whatever shell somebody likes to type in.
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            // Empty is as good as not set.
            .env("NO_COLOR", if colours { "" } else { "1" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) => {
                assert!(env::var_os("CI").is_none(), "`script` is missing: {error}");
                eprintln!("SKIPPED: there is no `script` here to make a pseudo-terminal: {error}");
                return None;
            }
        };
        let keys = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let screen: Arc<Mutex<String>> = Arc::default();
        let (told, moved) = mpsc::channel();
        let shown = Arc::clone(&screen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let read = match output.read(&mut bytes) {
                    Ok(0) => break,
                    Ok(read) => read,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => panic!("the screen cannot be read: {error}"),
                };
                shown
                    .lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&bytes[..read]));
                let _ = told.send(());
            }
        });
        Some(Self {
            child,
            keys,
            screen,
            moved,
        })
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until `text` stands on the screen, and takes away everything up to it.
    fn see(&mut self, text: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            {
                let mut screen = self.screen.lock().unwrap();
                if let Some(at) = screen.find(text) {
                    screen.drain(..at + text.len());
                    return;
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            let moved = self.moved.recv_timeout(left);
            assert!(
                moved.is_ok(),
                "{text:?} did not come: {:?}",
                self.screen.lock().unwrap()
            );
        }
    }
}

impl Keyboard {
    /// Waits for the program to end, and well.
    fn leave(&mut self) {
        // Not by the status of `script`, which says nothing of who ended badly.
        self.see("left with 0.");
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        // Nobody else ends it where the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn ctrl_c_and_ctrl_d_do_what_they_say() {
    let dir = tempfile::tempdir().unwrap();
    let history = dir.path().join("history");
    let Some(mut keyboard) = Keyboard::start("on_the_terminal", false, &history) else {
        return;
    };
    keyboard.see("> ");
    keyboard.press("Helo\x1b[Dl\r"); // An arrow key, so the line is really edited.
    keyboard.see("On and on");
    keyboard.press("\x03");
    keyboard.see("> ");
    keyboard.press("\x03");
    keyboard.see("Ctrl-D leaves");
    keyboard.see("> ");
    keyboard.press("\x1b[200~two\nlines\x1b[201~\r"); // A paste.
    keyboard.see("On and on");
    keyboard.press("\x03");
    keyboard.see("> ");
    // What is typed while an answer comes is not shown, and is not lost.
    keyboard.press("/one\r");
    keyboard.see("On and on");
    keyboard.press("ahead\r");
    thread::sleep(Duration::from_millis(100));
    keyboard.press("\x03");
    keyboard.see("> ");
    keyboard.see("ahead");
    keyboard.see("On and on");
    keyboard.press("\x03");
    keyboard.see("> ");
    keyboard.press("\x04");
    let said = r#"said ["Hello", "STOP", "two\nlines", "STOP", "/one", "STOP", "ahead", "STOP"]"#;
    keyboard.see(said);
    keyboard.leave();
    let kept = fs::read_to_string(history).unwrap();
    assert!(
        kept.contains("Hello") && kept.contains("two\\nlines"),
        "{kept}"
    );
}

#[test]
fn answers_are_rendered_and_what_was_typed_goes_with_the_conversation() {
    let dir = tempfile::tempdir().unwrap();
    let history = dir.path().join("history");
    let Some(mut keyboard) = Keyboard::start("in_colour", true, &history) else {
        return;
    };
    keyboard.see("> ");
    keyboard.press("private\r");
    keyboard.see("It is \x1b[1mvery\x1b[");
    keyboard.see(" easy ]0;title.");
    keyboard.see("> ");
    assert!(fs::read_to_string(&history).unwrap().contains("private"));
    keyboard.press("/forget\r");
    keyboard.see("are gone too");
    keyboard.see("> ");
    assert_eq!(fs::read_to_string(&history).unwrap(), "");
    keyboard.press("later\r");
    keyboard.see("easy");
    keyboard.see("> ");
    keyboard.press("\x04");
    keyboard.see(r#"said ["private", "/forget", "later"]"#);
    keyboard.leave();
    let kept = fs::read_to_string(history).unwrap();
    assert!(
        kept.contains("later") && !kept.contains("private"),
        "{kept}"
    );
}
