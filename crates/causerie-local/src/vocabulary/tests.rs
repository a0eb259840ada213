//! Vocabularies of the kinds there are, made here: they hold marks and single bytes, which is all
//! that matters for whether a mark can be forged.

use super::*;
use crate::load;
use causerie_core::prompt::PromptRole::User;
use causerie_testkit::clock::ManualClock;
use llama_cpp_2::model::params::LlamaModelParams;
use std::io::Write;

/// What llama.cpp calls the kinds of tokens.
const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const BYTE: i32 = 6;

/// A family of models, as far as its marks go.
struct Family {
    name: &'static str,
    /// `llama` for SentencePiece, `gpt2` for byte pairs, and how words are told apart there.
    tokeniser: (&'static str, &'static str),
    space_prefix: bool,
    marks: &'static [(&'static str, i32)],
    bos_eos: (&'static str, &'static str),
    template: &'static str,
}

const FAMILIES: [Family; 5] = [
    Family {
        name: "chatml",
        tokeniser: ("gpt2", "qwen2"),
        space_prefix: false,
        marks: &[
            ("<|endoftext|>", CONTROL),
            ("<|im_start|>", CONTROL),
            ("<|im_end|>", CONTROL),
            ("<tool_call>", USER_DEFINED),
            ("<think>", USER_DEFINED),
        ],
        bos_eos: ("<|endoftext|>", "<|im_end|>"),
        template: include_str!("../../tests/fixtures/chatml.jinja"),
    },
    Family {
        name: "llama3",
        tokeniser: ("gpt2", "llama-bpe"),
        space_prefix: false,
        marks: &[
            ("<|begin_of_text|>", CONTROL),
            ("<|start_header_id|>", CONTROL),
            ("<|end_header_id|>", CONTROL),
            ("<|eot_id|>", CONTROL),
        ],
        bos_eos: ("<|begin_of_text|>", "<|eot_id|>"),
        template: include_str!("../../tests/fixtures/llama3.jinja"),
    },
    Family {
        name: "gemma",
        tokeniser: ("llama", "default"),
        space_prefix: false,
        marks: &[
            ("<bos>", CONTROL),
            ("<eos>", CONTROL),
            ("<start_of_turn>", USER_DEFINED),
            ("<end_of_turn>", USER_DEFINED),
        ],
        bos_eos: ("<bos>", "<eos>"),
        template: include_str!("../../tests/fixtures/gemma.jinja"),
    },
    Family {
        name: "mistral, marks of its own",
        tokeniser: ("llama", "default"),
        space_prefix: true,
        marks: &[
            ("<s>", CONTROL),
            ("</s>", CONTROL),
            ("[INST]", CONTROL),
            ("[/INST]", CONTROL),
        ],
        bos_eos: ("<s>", "</s>"),
        template: include_str!("../../tests/fixtures/mistral.jinja"),
    },
    Family {
        name: "mistral, marks declared as words",
        tokeniser: ("llama", "default"),
        space_prefix: true,
        marks: &[
            ("<s>", CONTROL),
            ("</s>", CONTROL),
            ("[INST]", USER_DEFINED),
            ("[/INST]", USER_DEFINED),
        ],
        bos_eos: ("<s>", "</s>"),
        template: include_str!("../../tests/fixtures/mistral.jinja"),
    },
];

impl Family {
    fn vocabulary(&self) -> Vocabulary {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&self.gguf()).unwrap();
        let params = LlamaModelParams::default().with_vocab_only(true);
        let model =
            LlamaModel::load_from_file(load::backend().unwrap(), file.path(), &params).unwrap();
        let (bos, eos) = self.bos_eos;
        let clock = Arc::new(ManualClock::default());
        let template = ChatTemplate::new(Some(self.template), bos, eos, clock);
        Vocabulary::new(Arc::new(model), template)
    }

    /// The tokens: marks first, then every byte.
    fn tokens(&self) -> Vec<(String, i32)> {
        let marks = self.marks.iter();
        let marks = marks.map(|(text, kind)| ((*text).to_owned(), *kind));
        let unknown = [("<unk>".to_owned(), UNKNOWN)];
        let words = if self.tokeniser.0 == "llama" {
            let bytes = (0..=255u8).map(|byte| (format!("<0x{byte:02X}>"), BYTE));
            let letters = ["\u{2581}", "a"].map(|text| (text.to_owned(), NORMAL));
            bytes.chain(letters).collect::<Vec<_>>()
        } else {
            let pair = ("ab".to_owned(), NORMAL);
            let bytes = (0..=255u8).map(|byte| (letter(byte).to_string(), NORMAL));
            bytes.chain([pair]).collect()
        };
        unknown.into_iter().chain(marks).chain(words).collect()
    }

    fn gguf(&self) -> Vec<u8> {
        let tokens = self.tokens();
        let place = |mark: &str| tokens.iter().position(|(text, _)| text == mark).unwrap() as u32;
        let texts: Vec<&str> = tokens.iter().map(|(text, _)| text.as_str()).collect();
        let mut file = Gguf::default();
        file.text("general.architecture", "llama");
        file.text("tokenizer.ggml.model", self.tokeniser.0);
        file.text("tokenizer.ggml.pre", self.tokeniser.1);
        file.texts("tokenizer.ggml.tokens", &texts);
        file.texts("tokenizer.ggml.merges", &["a b"]);
        let scores = tokens.iter().flat_map(|_| 0f32.to_le_bytes()).collect();
        file.numbers("tokenizer.ggml.scores", 6, tokens.len(), scores);
        let kinds = tokens.iter().flat_map(|(_, kind)| kind.to_le_bytes());
        file.numbers(
            "tokenizer.ggml.token_type",
            5,
            tokens.len(),
            kinds.collect(),
        );
        file.number("tokenizer.ggml.bos_token_id", place(self.bos_eos.0));
        file.number("tokenizer.ggml.eos_token_id", place(self.bos_eos.1));
        file.number("tokenizer.ggml.unknown_token_id", 0);
        file.flag("tokenizer.ggml.add_bos_token", false);
        file.flag("tokenizer.ggml.add_space_prefix", self.space_prefix);
        file.whole()
    }

    /// What somebody might type: each mark, beside and inside each other.
    fn forgeries(&self) -> Vec<String> {
        let marks: Vec<&str> = self.marks.iter().map(|(text, _)| *text).collect();
        let mut typed = vec![];
        for one in &marks {
            typed.push((*one).to_owned());
            typed.push(format!("a {one}\nb"));
            for other in &marks {
                typed.push(format!("{one}{other}"));
                for cut in 1..one.len() {
                    typed.push(format!("{}{other}{}", &one[..cut], &one[cut..]));
                }
            }
        }
        typed
    }
}

/// How byte pair vocabularies write a byte.
fn letter(byte: u8) -> char {
    let shown = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if shown(byte) {
        return char::from(byte);
    }
    let hidden = (0..byte).filter(|before| !shown(*before)).count() as u32;
    char::from_u32(256 + hidden).unwrap()
}

/// Metadata on its way into a file.
#[derive(Default)]
struct Gguf {
    entries: u64,
    bytes: Vec<u8>,
}

impl Gguf {
    fn key(&mut self, key: &str, kind: u32) {
        self.entries += 1;
        self.string(key);
        self.bytes.extend(kind.to_le_bytes());
    }

    fn string(&mut self, text: &str) {
        self.bytes.extend((text.len() as u64).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key, 8);
        self.string(text);
    }

    fn texts(&mut self, key: &str, texts: &[&str]) {
        self.numbers(key, 8, texts.len(), vec![]);
        texts.iter().for_each(|text| self.string(text));
    }

    fn numbers(&mut self, key: &str, kind: u32, count: usize, bytes: Vec<u8>) {
        self.key(key, 9);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend((count as u64).to_le_bytes());
        self.bytes.extend(bytes);
    }

    fn number(&mut self, key: &str, number: u32) {
        self.key(key, 4);
        self.bytes.extend(number.to_le_bytes());
    }

    fn flag(&mut self, key: &str, flag: bool) {
        self.key(key, 7);
        self.bytes.push(u8::from(flag));
    }

    fn whole(self) -> Vec<u8> {
        let mut file = b"GGUF".to_vec();
        file.extend(3u32.to_le_bytes());
        file.extend(0u64.to_le_bytes());
        file.extend(self.entries.to_le_bytes());
        file.extend(self.bytes);
        file
    }
}

fn marks(vocabulary: &Vocabulary, tokens: &[LlamaToken]) -> Vec<LlamaToken> {
    let marks = tokens.iter().copied();
    marks.filter(|token| vocabulary.is_mark(*token)).collect()
}

fn prompt(vocabulary: &Vocabulary, text: &str) -> Vec<LlamaToken> {
    let messages = [PromptMessage::words(User, text)];
    vocabulary.prompt(&messages).unwrap().0
}

#[test]
fn in_every_family_marks_that_people_type_are_words() {
    for family in FAMILIES {
        let vocabulary = family.vocabulary();
        let honest = marks(&vocabulary, &prompt(&vocabulary, "a"));
        assert!(honest.len() >= 2, "{}: {honest:?}", family.name);
        for (mark, _) in family.marks {
            let known = vocabulary.tokenize(mark, true);
            assert!(
                known.len() == 1 && vocabulary.is_mark(known[0]),
                "{}: the template can write {mark}: {known:?}",
                family.name
            );
        }
        for typed in family.forgeries() {
            let said = marks(&vocabulary, &prompt(&vocabulary, &typed));
            assert_eq!(said, honest, "{}: {typed:?}", family.name);
        }
    }
}

#[test]
fn what_was_typed_is_said_to_the_last_byte() {
    for family in FAMILIES {
        let vocabulary = family.vocabulary();
        for typed in family.forgeries() {
            let mut tokens = vec![];
            vocabulary.append_inert(&mut tokens, &typed, true, MOST_ROUNDS);
            let bytes: Vec<u8> = tokens
                .iter()
                .flat_map(|token| vocabulary.piece(*token))
                .collect();
            let said = String::from_utf8(bytes).unwrap();
            assert_eq!(said, typed, "{}", family.name);
            assert_eq!(
                vocabulary.count(&typed) as usize,
                tokens.len() + usize::from(family.space_prefix),
                "{}: {typed:?}",
                family.name
            );
        }
    }
}
