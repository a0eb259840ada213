//! Models behind an endpoint, from their configuration, with all that stands around them.

use super::PlatformPictures;
use crate::{
    config::{OpenAiModel, PriceConfig, Secret},
    failure::Failure,
};
use causerie_core::{
    backend::{Backend, Privacy},
    id::ModelName,
    price::Prices,
};
use causerie_engine::wrap::{Chance, Settings, breaker, quota, retry, stack, timeouts};
use causerie_openai::{Azure, Config, OpenAi, OutputLimit};
use secrecy::SecretString;
use std::sync::Arc;

/// The backend of a model behind an endpoint.
///
/// # Errors
/// If its address, its proxy or its certificates are no good.
pub(super) fn backend(
    name: &ModelName,
    model: &OpenAiModel,
    pictures: &Arc<PlatformPictures>,
    chance: &Chance,
) -> Result<Arc<dyn Backend>, Failure> {
    let client = client(name, model)?.with_pictures(pictures.clone());
    let client = Arc::new(client);
    Ok(stack(name, client, &settings(model), chance))
}

/// The endpoint alone, without what stands around it.
///
/// # Errors
/// As [`backend`].
pub fn client(name: &ModelName, model: &OpenAiModel) -> Result<OpenAi, Failure> {
    OpenAi::new(&config(model)).map_err(|source| Failure::Endpoint {
        model: name.clone(),
        source,
    })
}

fn config(model: &OpenAiModel) -> Config {
    let secret = |secret: &Secret| SecretString::from(secret.expose());
    let headers = model.headers.iter();
    Config {
        api_key: model.api_key.as_ref().map(secret),
        headers: headers
            .map(|(name, value)| (name.clone(), secret(value)))
            .collect(),
        extra: model.extra.clone(),
        organization: model.organisation.clone(),
        project: model.project.clone(),
        azure: model.azure_api_version.as_ref().map(|version| Azure {
            api_version: version.clone(),
            deployment: None,
        }),
        proxy: model.proxy.as_ref().map(secret),
        ca_file: model.ca_file.clone(),
        context_window: model.context,
        tools: model.tools,
        images: model.images,
        privacy: model.privacy.map(Privacy::from),
        output_limit: model.max_completion_tokens.map(|new| match new {
            true => OutputLimit::MaxCompletionTokens,
            false => OutputLimit::MaxTokens,
        }),
        connect_timeout: model.timeouts.connect.0,
        ..Config::new(&model.base_url, &model.model)
    }
}

fn settings(model: &OpenAiModel) -> Settings {
    Settings {
        prices: model.price.as_ref().map(prices),
        retry: Some(retry::Settings {
            tries: model.retry.tries,
            patience: model.retry.patience.0,
            ..retry::Settings::default()
        }),
        breaker: Some(breaker::Settings {
            failures: model.breaker.failures,
            first_rest: model.breaker.rest.0,
            ..breaker::Settings::default()
        }),
        quota: Some(quota::Settings {
            requests_per_minute: model.quota.requests_per_minute,
            tokens_per_minute: model.quota.tokens_per_minute.map(u64::from),
            least_at_once: model.quota.at_once.min(2),
            most_at_once: model.quota.at_once,
            ..quota::Settings::default()
        }),
        timeouts: Some(timeouts::Settings {
            first: Some(model.timeouts.first_token.0),
            between: Some(model.timeouts.between_tokens.0),
            whole: model.timeouts.whole.map(|period| period.0),
        }),
    }
}

fn prices(price: &PriceConfig) -> Prices {
    Prices {
        input: micros(price.input),
        cached_input: micros(price.cached.unwrap_or(price.input)),
        output: micros(price.output),
    }
}

/// An amount of money in millionths, rounded up, so that nothing is charged less than it costs.
pub fn micros(money: f64) -> u64 {
    // Cents and their like are no binary fractions: what is off by less than a thousandth of a
    // millionth is meant to be exact.
    let exact = money * 1e6;
    let nearest = exact.round();
    let rounded = if (exact - nearest).abs() < 1e-3 {
        nearest
    } else {
        exact.ceil()
    };
    rounded as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_counted_in_millionths_and_never_too_little() {
        assert_eq!(micros(0.15), 150_000);
        assert_eq!(micros(2.5), 2_500_000);
        assert_eq!(micros(0.000_000_4), 1);
        assert_eq!(micros(0.0), 0);
    }
}
