//! What a completion used, as endpoints tell it.

use causerie_core::outcome::Usage;
use serde_json::Value;

/// Reads the usage that came with `chunk`, if one came that says something.
pub(crate) fn told(chunk: &Value) -> Option<Usage> {
    let usage = [&chunk["usage"], &chunk["x_groq"]["usage"]];
    let usage = usage.into_iter().find_map(counted);
    usage.or_else(|| timed(&chunk["timings"]))
}

fn counted(usage: &Value) -> Option<Usage> {
    let number = |names: &[&str]| names.iter().find_map(|name| usage[name].as_u64());
    let details = ["prompt_tokens_details", "input_tokens_details"];
    let details = details
        .iter()
        .find_map(|name| usage[name]["cached_tokens"].as_u64());
    let cached = details.or_else(|| {
        number(&[
            "prompt_cache_hit_tokens",
            "cached_tokens",
            "cache_read_input_tokens",
        ])
    });
    let cached = cached.unwrap_or(0);
    let input = match number(&["prompt_tokens"]) {
        Some(input) => input,
        // Anthropic counts what it had worked through, and what it keeps, apart from the rest.
        None => {
            let apart = ["cache_read_input_tokens", "cache_creation_input_tokens"];
            let apart = apart.iter().filter_map(|name| usage[name].as_u64());
            apart.fold(number(&["input_tokens"])?, u64::saturating_add)
        }
    };
    let output = number(&["completion_tokens", "output_tokens"]).unwrap_or(0);
    of(input, cached, output)
}

/// llama.cpp's server tells its timings where it tells no usage. `prompt_n` is without the cached.
fn timed(timings: &Value) -> Option<Usage> {
    let cached = timings["cache_n"].as_u64().unwrap_or(0);
    let input = timings["prompt_n"].as_u64()?.saturating_add(cached);
    of(input, cached, timings["predicted_n"].as_u64()?)
}

/// Nothing at all is no usage: some endpoints fill the field with zeros.
fn of(input: u64, cached: u64, output: u64) -> Option<Usage> {
    (input > 0).then(|| Usage {
        input,
        cached: cached.min(input),
        output,
        cost: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_way_of_counting_is_understood() {
        let cases = [
            (
                json!({"usage": {"prompt_tokens": 20, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 16}}}),
                Some((20, 16, 5)),
            ),
            (
                json!({"usage": {"prompt_tokens": 20, "completion_tokens": 5, "prompt_cache_hit_tokens": 8}}),
                Some((20, 8, 5)),
            ),
            (
                json!({"usage": {"prompt_tokens": 20, "completion_tokens": 5, "prompt_tokens_details": null}}),
                Some((20, 0, 5)),
            ),
            (
                json!({"usage": {"input_tokens": 4, "cache_read_input_tokens": 16, "output_tokens": 5}}),
                Some((20, 16, 5)),
            ),
            (
                json!({"x_groq": {"usage": {"prompt_tokens": 20, "completion_tokens": 5}}}),
                Some((20, 0, 5)),
            ),
            (
                json!({"timings": {"cache_n": 16, "prompt_n": 4, "predicted_n": 5}}),
                Some((20, 16, 5)),
            ),
            (
                json!({"usage": {"prompt_tokens": 4, "completion_tokens": 1, "cached_tokens": 9}}),
                Some((4, 4, 1)),
            ),
            (
                json!({"usage": {"prompt_tokens": 0, "completion_tokens": 0}}),
                None,
            ),
            (json!({"usage": null}), None),
            (json!({"usage": "many"}), None),
        ];
        for (chunk, expected) in cases {
            let told = told(&chunk).map(|usage| (usage.input, usage.cached, usage.output));
            assert_eq!(told, expected, "{chunk}");
        }
    }
}
