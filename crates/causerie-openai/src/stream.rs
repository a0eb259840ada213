//! A response's body becomes the stream of a completion.

use crate::{
    answer::{Answer, Deltas, Question},
    reader::Reader,
};
use bytes::Bytes;
use causerie_core::backend::{BackendError, CompletionStream, Delta};
use futures::{
    StreamExt,
    stream::{BoxStream, unfold},
};
use reqwest::Response;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long figures may be behind the end of the answer. Some servers leave the connection open.
const FIGURES: Duration = Duration::from_secs(5);
/// How long the end of the body may be behind `[DONE]`. Only a connection that was read to its end is
/// used again.
const END: Duration = Duration::from_millis(100);

/// The deltas that `response` carries. Dropping the stream closes the connection.
pub(crate) fn deltas(response: Response, question: Question) -> CompletionStream {
    let reading = Reading {
        body: response.bytes_stream().boxed(),
        reader: Reader::default(),
        answer: Answer::new(question),
        ready: Deltas::new(),
        until: None,
    };
    unfold(reading, |mut reading| async move {
        let delta = reading.next().await?;
        Some((delta, reading))
    })
    .fuse()
    .boxed()
}

struct Reading {
    body: BoxStream<'static, reqwest::Result<Bytes>>,
    reader: Reader,
    answer: Answer,
    ready: Deltas,
    /// When reading ends, once the model has come to its end. Comments do not put it off.
    until: Option<Instant>,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Delta, BackendError>> {
        while self.ready.is_empty() && !self.answer.is_over() {
            self.read().await;
        }
        self.ready.pop_front()
    }

    async fn read(&mut self) {
        let next = self.body.next();
        let bytes = match self.until {
            Some(until) => timeout_at(until, next).await.unwrap_or(None),
            None => next.await,
        };
        let mut pieces = vec![];
        match &bytes {
            Some(Ok(bytes)) => self.reader.push(bytes, &mut pieces),
            Some(Err(_)) | None => self.reader.finish(&mut pieces),
        }
        for piece in &pieces {
            self.answer.take(piece, &mut self.ready);
        }
        match bytes {
            Some(Ok(_)) => {}
            Some(Err(_)) => self.answer.end(true, &mut self.ready),
            None => self.answer.end(false, &mut self.ready),
        }
        let now = Instant::now();
        if self.answer.is_done() {
            self.until = Some(self.until.unwrap_or(now + END).min(now + END));
        } else if self.answer.is_complete() && self.until.is_none() {
            self.until = Some(now + FIGURES);
        }
    }
}
