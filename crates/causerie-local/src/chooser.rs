//! Chooses the next token.

use causerie_core::persona::Sampling;
use llama_cpp_2::token::LlamaToken;
use std::collections::VecDeque;

/// How many of the answer's last tokens count as repetition.
const REPEAT_WINDOW: usize = 64;

/// Chooses one conversation's next token from the logits.
///
/// The order is the customary one: repetition, top-k, top-p, min-p, temperature. Only tokens of
/// the answer itself count as repeated: if those of the prompt did, the marks that end an answer
/// would be held against the model.
#[derive(Debug)]
pub(crate) struct Chooser {
    temperature: f32,
    top_k: usize,
    top_p: f32,
    min_p: f32,
    repeat_penalty: f32,
    random: SplitMix,
    recent: VecDeque<i32>,
    /// Kept between tokens so that choosing allocates nothing.
    candidates: Vec<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    id: i32,
    logit: f32,
}

impl Chooser {
    /// `sampling` first, then `defaults`, then ours. `entropy` is the seed if neither has one.
    pub(crate) fn new(sampling: &Sampling, defaults: &Sampling, entropy: u64) -> Self {
        let seed = sampling.seed.or(defaults.seed).map_or(entropy, u64::from);
        Self {
            temperature: sampling.temperature.or(defaults.temperature).unwrap_or(0.7),
            top_k: sampling.top_k.or(defaults.top_k).unwrap_or(40) as usize,
            top_p: sampling.top_p.or(defaults.top_p).unwrap_or(0.95),
            min_p: sampling.min_p.or(defaults.min_p).unwrap_or(0.05),
            repeat_penalty: sampling
                .repeat_penalty
                .or(defaults.repeat_penalty)
                .unwrap_or(1.0),
            random: SplitMix(seed),
            recent: VecDeque::with_capacity(REPEAT_WINDOW),
            candidates: vec![],
        }
    }

    /// The next token. Remembers it for the repeat penalty.
    pub(crate) fn choose(&mut self, logits: &[f32]) -> LlamaToken {
        let penalised = self.repeat_penalty > 1.0 && !self.recent.is_empty();
        let greedy = self.temperature <= 0.0;
        let id = match (greedy, penalised) {
            (true, false) => likeliest(logits),
            (true, true) => self.shortlist(logits, 1)[0].id,
            (false, _) => self.draw(logits),
        };
        if self.repeat_penalty > 1.0 {
            if self.recent.len() == REPEAT_WINDOW {
                self.recent.pop_front();
            }
            self.recent.push_back(id);
        }
        LlamaToken(id)
    }

    /// The `n` likeliest after the repeat penalty, the likeliest first.
    ///
    /// A penalty only ever lowers a logit, so they are among the `n` plus as many as are
    /// penalised that were likeliest before.
    fn shortlist(&mut self, logits: &[f32], n: usize) -> &[Candidate] {
        self.collect(logits, n.saturating_add(self.recent.len()));
        if self.repeat_penalty > 1.0 {
            for candidate in &mut self.candidates {
                if self.recent.contains(&candidate.id) {
                    let logit = candidate.logit;
                    let factor = self.repeat_penalty;
                    candidate.logit = if logit > 0.0 {
                        logit / factor
                    } else {
                        logit * factor
                    };
                }
            }
        }
        self.candidates
            .sort_unstable_by(|a, b| b.logit.total_cmp(&a.logit));
        self.candidates.truncate(n);
        &self.candidates
    }

    /// Fills `candidates` with the `n` largest logits, in no order, in one pass: most logits fall
    /// to the one comparison with the threshold.
    fn collect(&mut self, logits: &[f32], n: usize) {
        let candidates = &mut self.candidates;
        candidates.clear();
        let mut threshold = f32::NEG_INFINITY;
        for (id, &logit) in (0i32..).zip(logits) {
            if logit > threshold {
                candidates.push(Candidate { id, logit });
                if candidates.len() >= n.saturating_mul(2) {
                    candidates.select_nth_unstable_by(n - 1, |a, b| b.logit.total_cmp(&a.logit));
                    candidates.truncate(n);
                    threshold = candidates[n - 1].logit;
                }
            }
        }
        if candidates.is_empty() {
            candidates.push(Candidate {
                id: likeliest(logits),
                logit: 0.0,
            });
        }
    }

    fn draw(&mut self, logits: &[f32]) -> i32 {
        let n = if self.top_k == 0 {
            logits.len()
        } else {
            self.top_k
        };
        let (top_p, min_p, temperature) = (self.top_p, self.min_p, self.temperature);
        let dice = self.random.unit();
        let candidates = self.shortlist(logits, n);
        let highest = candidates[0].logit;

        let weight = |c: &Candidate| (c.logit - highest).exp();
        let total: f32 = candidates.iter().map(weight).sum();
        let mut kept = 0;
        let mut sum = 0.0;
        for candidate in candidates {
            let share = weight(candidate);
            // The likeliest weighs 1, so a weight is the share of it that min-p asks for.
            if kept > 0 && (share < min_p || sum >= top_p * total) {
                break;
            }
            sum += share;
            kept += 1;
        }

        let heated = |c: &Candidate| ((c.logit - highest) / temperature).exp();
        let kept = &candidates[..kept];
        let mut left = dice * kept.iter().map(heated).sum::<f32>();
        for candidate in kept {
            left -= heated(candidate);
            if left < 0.0 {
                return candidate.id;
            }
        }
        kept[0].id
    }
}

/// The first of the largest logits. Two passes, because finding the maximum alone is vectorised.
fn likeliest(logits: &[f32]) -> i32 {
    let mut lanes = [f32::NEG_INFINITY; 16];
    let chunks = logits.chunks_exact(16);
    let mut highest = chunks
        .remainder()
        .iter()
        .copied()
        .fold(f32::NEG_INFINITY, f32::max);
    for chunk in chunks {
        for (lane, logit) in lanes.iter_mut().zip(chunk) {
            *lane = if *logit > *lane { *logit } else { *lane };
        }
    }
    highest = lanes.into_iter().fold(highest, f32::max);
    let at = logits
        .iter()
        .position(|logit| *logit == highest)
        .unwrap_or(0);
    i32::try_from(at).expect("a vocabulary fits an i32")
}

/// Steele, Lea and Flood's SplitMix64: small, and the same for ever, so that a seed means the same
/// answer in later versions.
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    /// At least 0 and below 1.
    fn unit(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 40) as f32 / (1u64 << 24) as f32
    }
}

#[cfg(test)]
mod tests;
