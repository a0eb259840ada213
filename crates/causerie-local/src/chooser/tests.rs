use super::*;
use proptest::prelude::*;

fn sampling(temperature: f32) -> Sampling {
    Sampling {
        temperature: Some(temperature),
        seed: Some(7),
        ..Sampling::default()
    }
}

fn chooser(sampling: Sampling) -> Chooser {
    Chooser::new(&sampling, &Sampling::default(), 1)
}

fn logits() -> Vec<f32> {
    (0..1000)
        .map(|i| ((i * 7919) % 1000) as f32 / 100.0)
        .collect()
}

#[test]
fn temperature_zero_takes_the_likeliest() {
    let logits = logits();
    let best = logits.iter().position(|l| *l == 9.99).unwrap() as i32;
    assert_eq!(chooser(sampling(0.0)).choose(&logits), LlamaToken(best));
}

#[test]
fn a_seed_makes_the_choice_repeatable() {
    let run = |seed| {
        let mut chooser = chooser(Sampling {
            seed: Some(seed),
            ..sampling(1.5)
        });
        (0..20)
            .map(|_| chooser.choose(&logits()).0)
            .collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn top_k_and_top_p_and_min_p_leave_out_the_unlikely() {
    let narrow = [
        Sampling {
            top_k: Some(1),
            ..sampling(2.0)
        },
        Sampling {
            top_p: Some(0.001),
            ..sampling(2.0)
        },
        Sampling {
            min_p: Some(1.0),
            ..sampling(2.0)
        },
    ];
    for sampling in narrow {
        let mut chooser = chooser(sampling);
        assert!(
            (0..50).all(|_| chooser.choose(&[0.0, 3.0, 1.0, 2.0]).0 == 1),
            "{sampling:?}"
        );
    }
}

#[test]
fn everything_can_be_drawn_when_nothing_is_left_out() {
    let open = Sampling {
        top_k: Some(0),
        top_p: Some(1.0),
        min_p: Some(0.0),
        ..sampling(1.0)
    };
    let mut chooser = chooser(open);
    let seen: std::collections::BTreeSet<i32> = (0..500)
        .map(|_| chooser.choose(&[0.0, 0.1, 0.2, 0.3]).0)
        .collect();
    assert_eq!(seen.len(), 4);
}

#[test]
fn repetition_is_held_against_a_token() {
    let mut chooser = chooser(Sampling {
        repeat_penalty: Some(2.0),
        ..sampling(0.0)
    });
    let logits = [1.0, 0.9, -0.1];
    let chosen: Vec<i32> = (0..3).map(|_| chooser.choose(&logits).0).collect();
    assert_eq!(chosen, [0, 1, 0]);
}

#[test]
fn logits_that_are_no_numbers_choose_something() {
    assert_eq!(chooser(sampling(0.0)).choose(&[f32::NAN; 40]).0, 0);
    assert_eq!(chooser(sampling(1.0)).choose(&[f32::NAN; 40]).0, 0);
}

proptest! {
    #[test]
    fn the_shortlist_is_what_sorting_gives(
        logits in prop::collection::vec(-10f32..10.0, 1..300), n in 1usize..50,
    ) {
        let mut chooser = chooser(sampling(1.0));
        let mut sorted = logits.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        sorted.truncate(n);
        let short: Vec<f32> = chooser.shortlist(&logits, n).iter().map(|c| c.logit).collect();
        prop_assert_eq!(short, sorted);
    }

    #[test]
    fn the_likeliest_is_the_first_maximum(logits in prop::collection::vec(-9f32..9.0, 1..100)) {
        let best = logits.iter().copied().fold(f32::MIN, f32::max);
        let at = logits.iter().position(|l| *l == best).unwrap();
        prop_assert_eq!(likeliest(&logits), at as i32);
    }
}
