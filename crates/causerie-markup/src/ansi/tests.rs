use super::*;
use crate::sample;

fn plain() -> AnsiStyle {
    AnsiStyle {
        width: 60,
        color: false,
        hyperlinks: false,
    }
}

#[test]
fn an_answer_reads_well_without_colours() {
    insta::assert_snapshot!(ansi(sample::ANSWER, &plain()));
}

#[test]
fn an_answer_reads_well_with_colours() {
    let text = ansi(sample::ANSWER, &AnsiStyle::default());
    insta::assert_snapshot!(text.replace('\x1b', "␛"));
}
