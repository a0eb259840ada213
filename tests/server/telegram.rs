//! Telegram bots: the real server against a Bot API server that keeps the rules of the real one.

mod example;
mod house;
mod kills;
mod replies;
mod rooms;
mod trouble;
