//! What a model costs.

use crate::outcome::Usage;

/// Tokens in the quantity that prices are given for.
const QUANTITY: u128 = 1_000_000;

/// The prices of one model, in millionths of the operator's currency for a million tokens each:
/// 2.50 for a million tokens is 2,500,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the prompt that the provider had already worked through.
    pub cached_input: u64,
    /// Tokens of the completion.
    pub output: u64,
}

impl Prices {
    /// What `usage` costs, in millionths of the currency. Rounded up, so that many small
    /// completions are never charged less than they cost.
    pub fn cost(&self, usage: &Usage) -> u64 {
        let cached = usage.cached.min(usage.input);
        let sum = [
            (usage.input - cached, self.input),
            (cached, self.cached_input),
            (usage.output, self.output),
        ]
        .into_iter()
        .map(|(tokens, price)| u128::from(tokens) * u128::from(price))
        .fold(0_u128, u128::saturating_add);
        u64::try_from(sum.div_ceil(QUANTITY)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usage(input: u64, cached: u64, output: u64) -> Usage {
        Usage {
            input,
            cached,
            output,
            cost: 0,
        }
    }

    #[test]
    fn each_kind_of_token_has_its_price() {
        let prices = Prices {
            input: 2_500_000,
            cached_input: 250_000,
            output: 10_000_000,
        };
        assert_eq!(prices.cost(&usage(1_000_000, 0, 0)), 2_500_000);
        assert_eq!(prices.cost(&usage(1_000_000, 1_000_000, 0)), 250_000);
        assert_eq!(prices.cost(&usage(1000, 400, 200)), 1500 + 100 + 2000);
        assert_eq!(prices.cost(&usage(1, 1, 0)), 1, "a quarter is rounded up");
        assert_eq!(Prices::default().cost(&usage(9, 9, 9)), 0);
    }

    proptest! {
        #[test]
        fn parts_never_cost_less_than_the_whole(
            a in 0_u64..1_000_000, b in 0_u64..1_000_000,
            input in 0_u64..100_000_000, output in 0_u64..100_000_000,
        ) {
            let prices = Prices { input, cached_input: input / 4, output };
            let (one, other) = (usage(a, a / 2, b), usage(b, b / 3, a));
            let mut both = one;
            both.add(other);
            prop_assert!(prices.cost(&one) + prices.cost(&other) >= prices.cost(&both));
        }

        #[test]
        fn no_amount_is_too_large(input: u64, cached: u64, output: u64, price: u64) {
            let prices = Prices { input: price, cached_input: price, output: price };
            prices.cost(&usage(input, cached, output));
        }
    }
}
