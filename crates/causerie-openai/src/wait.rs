//! How long an endpoint asks to stay away, in the many ways it may say so.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What OpenAI's limits are named by, and their like.
const LIMITS: [&str; 2] = ["requests", "tokens"];

/// The time to wait. `header` gives a header's value by its lower-case name. The plainest statement
/// wins: `retry-after-ms`, `Retry-After` in seconds or as a date, the end of the limit that is used
/// up, the end of any limit.
pub(crate) fn wait<'a>(
    header: impl Fn(&str) -> Option<&'a str>,
    now: SystemTime,
) -> Option<Duration> {
    let milliseconds = header("retry-after-ms").and_then(number);
    milliseconds
        .and_then(|ms| seconds(ms / 1000.0))
        .or_else(|| after(header("retry-after")?, now))
        .or_else(|| limits(&header, now))
        .or_else(|| {
            let reset = header("x-ratelimit-reset").or_else(|| header("ratelimit-reset"))?;
            instant(reset, now)
        })
}

/// A span as OpenAI and Google write it: `6m0s`, `1h2m3.5s`, `88ms`, `34s`. A plain number is seconds.
pub(crate) fn span(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Some(plain) = number(text) {
        return seconds(plain);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (value, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| !c.is_ascii_alphabetic());
        let (unit, tail) = tail.split_at(unit.unwrap_or(tail.len()));
        let factor = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total += number(value)? * factor;
        rest = tail;
    }
    (!text.is_empty()).then(|| seconds(total)).flatten()
}

fn after(value: &str, now: SystemTime) -> Option<Duration> {
    if let Some(plain) = number(value) {
        return seconds(plain);
    }
    let date = httpdate::parse_http_date(value.trim()).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// The latest end among the limits that are used up, or the earliest of all if none says it is.
fn limits<'a>(header: &impl Fn(&str) -> Option<&'a str>, now: SystemTime) -> Option<Duration> {
    let resets = LIMITS.iter().filter_map(|name| {
        let reset = header(&format!("x-ratelimit-reset-{name}"))?;
        let wait = span(reset).filter(|_| number(reset).is_none());
        let wait = wait.or_else(|| instant(reset, now))?;
        let left = header(&format!("x-ratelimit-remaining-{name}")).and_then(number);
        Some((wait, left.is_some_and(|left| left <= 0.0)))
    });
    let resets: Vec<_> = resets.collect();
    let used_up = resets.iter().filter(|(_, used_up)| *used_up);
    let used_up = used_up.map(|(wait, _)| *wait).max();
    used_up.or_else(|| resets.iter().map(|(wait, _)| *wait).min())
}

/// A plain number: an instant in milliseconds or seconds since 1970 if it is so large, else seconds
/// from now.
fn instant(value: &str, now: SystemTime) -> Option<Duration> {
    let value = number(value)?;
    let since_1970 = match value {
        ms if ms >= 1e11 => ms / 1000.0,
        s if s >= 1e9 => s,
        from_now => return seconds(from_now),
    };
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(seconds(since_1970)?.saturating_sub(now))
}

fn number(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

fn seconds(value: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(value.max(0.0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20T10:00:00Z.
    const NOW: u64 = 1_795_168_800;

    type Headers = &'static [(&'static str, &'static str)];

    fn told(headers: Headers) -> Option<Duration> {
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        let find = |name: &str| headers.iter().find(|(key, _)| *key == name);
        wait(|name| find(name).map(|(_, value)| *value), now)
    }

    #[test]
    fn each_way_of_saying_it_is_understood() {
        let seconds = |s| Some(Duration::from_secs(s));
        let cases: &[(Headers, Option<Duration>)] = &[
            (&[], None),
            (&[("retry-after", "20")], seconds(20)),
            (&[("retry-after", "0.5")], Some(Duration::from_millis(500))),
            (&[("retry-after", "-3")], seconds(0)),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "1e300")], None),
            (
                &[("retry-after", "Fri, 20 Nov 2026 10:01:30 GMT")],
                seconds(90),
            ),
            (
                &[("retry-after", "Fri, 20 Nov 2026 09:00:00 GMT")],
                seconds(0),
            ),
            (
                &[("retry-after-ms", "250"), ("retry-after", "1")],
                Some(Duration::from_millis(250)),
            ),
            (&[("x-ratelimit-reset-requests", "6m0s")], seconds(360)),
            (
                &[
                    ("x-ratelimit-reset-requests", "6h0m0s"),
                    ("x-ratelimit-remaining-requests", "9000"),
                    ("x-ratelimit-reset-tokens", "88ms"),
                    ("x-ratelimit-remaining-tokens", "0"),
                ],
                Some(Duration::from_millis(88)),
            ),
            (
                &[
                    ("x-ratelimit-reset-requests", "6h0m0s"),
                    ("x-ratelimit-reset-tokens", "1.5s"),
                ],
                Some(Duration::from_millis(1500)),
            ),
            (&[("x-ratelimit-reset-tokens", "12")], seconds(12)),
            (&[("x-ratelimit-reset", "1795168860000")], seconds(60)),
            (&[("x-ratelimit-reset", "1795168830")], seconds(30)),
            (&[("ratelimit-reset", "30")], seconds(30)),
        ];
        for (headers, expected) in cases {
            assert_eq!(told(headers), *expected, "{headers:?}");
        }
    }

    #[test]
    fn spans_are_read() {
        assert_eq!(span("1h2m3s"), Some(Duration::from_secs(3723)));
        assert_eq!(span("34.5s"), Some(Duration::from_millis(34_500)));
        for nonsense in ["", "s", "5x", "5 s", "--1s", "1..2s", "é"] {
            assert_eq!(span(nonsense), None, "{nonsense}");
        }
    }
}
