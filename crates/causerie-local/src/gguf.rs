//! Whether a file is a whole GGUF model, found out before llama.cpp is let near it.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};
use thiserror::Error;

/// Why a file cannot be loaded. The text says what to do.
#[derive(Debug, Error)]
pub(crate) enum GgufError {
    /// It is not there, or cannot be read.
    #[error("cannot read the model file: {0}. Check the path and its permissions")]
    Unreadable(#[source] io::Error),
    /// It is something else.
    #[error("the file is not a GGUF model. Choose a file that ends in .gguf")]
    NotGguf,
    /// A version we do not know.
    #[error("the file is GGUF version {0}, and versions 2 and 3 can be read. Download a newer one")]
    Version(u32),
    /// It ends before its contents do.
    #[error(
        "the model file is cut: it has {have} bytes and needs at least {need}. Delete it and \
         download it again"
    )]
    Cut {
        /// Its size.
        have: u64,
        /// What its header promises, as far as it could be read.
        need: u64,
    },
    /// Its header makes no sense.
    #[error("the model file is damaged: {0}. Delete it and download it again")]
    Damaged(&'static str),
    /// It has weights but no words.
    #[error("the file holds no vocabulary, so it is no language model. Choose another file")]
    NoVocabulary,
}

/// No real model comes near these; a damaged header easily does.
const MOST_ENTRIES: u64 = 1 << 20;
const MOST_ELEMENTS: u64 = 1 << 28;
const DEFAULT_ALIGNMENT: u64 = 32;

/// What stands where in a file.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Where the table of tensors begins.
    pub(crate) table: u64,
    /// What the data of each tensor is aligned to.
    pub(crate) alignment: u64,
    /// In the order of the table.
    pub(crate) tensors: Vec<Tensor>,
    /// Where the data begins.
    pub(crate) data: u64,
}

/// An entry of the table of tensors.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) name: Vec<u8>,
    pub(crate) shape: Vec<u64>,
    /// The number of its type.
    pub(crate) kind: u32,
    /// Where it begins, from the beginning of the data.
    pub(crate) offset: u64,
}

impl Tensor {
    /// How many numbers it has.
    pub(crate) fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    /// Bytes of its data, 0 if its type is not known.
    pub(crate) fn bytes(&self) -> u64 {
        size_of(self.kind, self.elements())
    }
}

/// Checks that `path` is GGUF, little-endian, with a vocabulary, and as long as its tensors need;
/// and gives back what stands where.
///
/// # Errors
/// If it is not; nothing was loaded.
pub(crate) fn read(path: &Path) -> Result<Layout, GgufError> {
    let file = File::open(path).map_err(GgufError::Unreadable)?;
    let meta = file.metadata().map_err(GgufError::Unreadable)?;
    if !meta.is_file() {
        return Err(GgufError::NotGguf);
    }
    let mut reader = Reader {
        inner: BufReader::with_capacity(1 << 16, file),
        at: 0,
        len: meta.len(),
    };
    reader.layout()
}

struct Reader {
    inner: BufReader<File>,
    at: u64,
    len: u64,
}

impl Reader {
    fn layout(&mut self) -> Result<Layout, GgufError> {
        let mut magic = [0; 4];
        if self.len < 4 {
            return Err(GgufError::NotGguf);
        }
        self.fill(&mut magic)?;
        if &magic != b"GGUF" {
            return Err(GgufError::NotGguf);
        }
        let version = self.u32()?;
        if !(2..=3).contains(&version) {
            return Err(GgufError::Version(version));
        }
        let (tensors, entries) = (self.u64()?, self.u64()?);
        if tensors > MOST_ENTRIES || entries > MOST_ENTRIES {
            return Err(GgufError::Damaged("it claims an absurd number of tensors"));
        }
        let alignment = self.metadata(entries)?;
        let table = self.at;
        let tensors = self.tensors(tensors)?;
        let data = self.at.next_multiple_of(alignment);
        let end = |tensor: &Tensor| tensor.offset.saturating_add(tensor.bytes());
        let need = data.saturating_add(tensors.iter().map(end).max().unwrap_or(0));
        if need > self.len {
            return Err(GgufError::Cut {
                have: self.len,
                need,
            });
        }
        Ok(Layout {
            table,
            alignment,
            tensors,
            data,
        })
    }

    /// Walks the metadata and gives back the alignment of the tensors.
    fn metadata(&mut self, entries: u64) -> Result<u64, GgufError> {
        let (mut alignment, mut vocabulary) = (DEFAULT_ALIGNMENT, false);
        for _ in 0..entries {
            let key = self.string()?;
            let kind = self.u32()?;
            vocabulary |= key == b"tokenizer.ggml.tokens";
            if key == b"general.alignment" && kind == 4 {
                alignment = u64::from(self.u32()?);
            } else {
                self.skip_value(kind)?;
            }
        }
        if !vocabulary {
            return Err(GgufError::NoVocabulary);
        }
        if !alignment.is_power_of_two() {
            return Err(GgufError::Damaged("its alignment is no power of two"));
        }
        Ok(alignment)
    }

    fn tensors(&mut self, count: u64) -> Result<Vec<Tensor>, GgufError> {
        let mut tensors = vec![];
        for _ in 0..count {
            let name = self.string()?;
            let dimensions = self.u32()?;
            if !(1..=4).contains(&dimensions) {
                return Err(GgufError::Damaged("a tensor has an absurd shape"));
            }
            let (mut shape, mut elements) = (vec![], 1u64);
            for _ in 0..dimensions {
                let size = self.u64()?;
                let product = elements.checked_mul(size);
                elements = product.ok_or(GgufError::Damaged("a tensor has an absurd shape"))?;
                shape.push(size);
            }
            tensors.push(Tensor {
                name,
                shape,
                kind: self.u32()?,
                offset: self.u64()?,
            });
        }
        Ok(tensors)
    }

    fn skip_value(&mut self, kind: u32) -> Result<(), GgufError> {
        match (kind, width(kind)) {
            (_, Some(width)) => self.skip(width),
            (STRING, _) => self.string().map(drop),
            (ARRAY, _) => {
                let (kind, count) = (self.u32()?, self.u64()?);
                if count > MOST_ELEMENTS {
                    return Err(GgufError::Damaged("it claims an absurdly long list"));
                }
                match width(kind) {
                    Some(width) => self.skip(width * count),
                    // Lists of lists do not occur in models.
                    None if kind == STRING => (0..count).try_for_each(|_| {
                        let len = self.u64()?;
                        self.skip(len)
                    }),
                    None => Err(GgufError::Damaged("its metadata has an unknown type")),
                }
            }
            _ => Err(GgufError::Damaged("its metadata has an unknown type")),
        }
    }

    /// A short string: keys and names. Longer ones are values and are skipped.
    fn string(&mut self) -> Result<Vec<u8>, GgufError> {
        let len = self.u64()?;
        if len > 1 << 16 {
            self.skip(len)?;
            return Ok(vec![]);
        }
        let mut bytes = vec![0; usize::try_from(len).expect("at most 65,536")];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, GgufError> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self) -> Result<u64, GgufError> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), GgufError> {
        self.advance(bytes.len() as u64)?;
        self.inner.read_exact(bytes).map_err(GgufError::Unreadable)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), GgufError> {
        self.advance(bytes)?;
        match i64::try_from(bytes) {
            Ok(bytes) => self
                .inner
                .seek_relative(bytes)
                .map_err(GgufError::Unreadable),
            Err(_) => self
                .inner
                .seek(SeekFrom::Start(self.at))
                .map(drop)
                .map_err(GgufError::Unreadable),
        }
    }

    fn advance(&mut self, bytes: u64) -> Result<(), GgufError> {
        let need = self.at.saturating_add(bytes);
        if need > self.len {
            return Err(GgufError::Cut {
                have: self.len,
                need,
            });
        }
        self.at = need;
        Ok(())
    }
}

/// The type of blocks of 32 numbers in 4 bits each, with a step and a least number.
pub(crate) const Q4_1: u32 = 3;
/// The type of blocks of 32 numbers in 8 bits each, with a step.
pub(crate) const Q8_0: u32 = 8;

const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// Bytes of a metadata value of fixed size.
fn width(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// Bytes of a tensor. A type we do not know counts as nothing, so that a newer file is not taken
/// for a cut one.
fn size_of(kind: u32, elements: u64) -> u64 {
    let (block, bytes) = match kind {
        0 | 26 => (1, 4),
        1 | 25 | 30 => (1, 2),
        2 | 20 => (32, 18),
        Q4_1 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        Q8_0 => (32, 34),
        9 => (32, 36),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        15 => (256, 292),
        16 => (256, 66),
        17 => (256, 74),
        18 => (256, 98),
        19 => (256, 50),
        21 => (256, 110),
        22 => (256, 82),
        23 => (256, 136),
        24 => (1, 1),
        27 | 28 => (1, 8),
        29 => (256, 56),
        34 => (256, 54),
        35 => (256, 66),
        39 => (32, 17),
        _ => return 0,
    };
    (elements / block).saturating_mul(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A tiny file with a vocabulary and one tensor of 64 floats.
    fn whole() -> Vec<u8> {
        let mut file = b"GGUF".to_vec();
        let name = |file: &mut Vec<u8>, name: &str| {
            file.extend((name.len() as u64).to_le_bytes());
            file.extend(name.as_bytes());
        };
        file.extend(3u32.to_le_bytes());
        file.extend(1u64.to_le_bytes());
        file.extend(1u64.to_le_bytes());
        name(&mut file, "tokenizer.ggml.tokens");
        file.extend(ARRAY.to_le_bytes());
        file.extend(STRING.to_le_bytes());
        file.extend(2u64.to_le_bytes());
        name(&mut file, "a");
        name(&mut file, "b");
        name(&mut file, "weights");
        file.extend(1u32.to_le_bytes());
        file.extend(64u64.to_le_bytes());
        file.extend(0u32.to_le_bytes());
        file.extend(0u64.to_le_bytes());
        file.resize(file.len().next_multiple_of(32) + 256, 0);
        file
    }

    fn verdict(bytes: &[u8]) -> Result<(), GgufError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        read(file.path()).map(drop)
    }

    #[test]
    fn a_whole_file_passes_and_no_beginning_of_it_does() {
        let whole = whole();
        verdict(&whole).unwrap();
        for len in 0..whole.len() {
            assert!(
                verdict(&whole[..len]).is_err(),
                "{len} of {} bytes",
                whole.len()
            );
        }
    }

    #[test]
    fn other_files_are_told_apart() {
        assert!(matches!(verdict(b""), Err(GgufError::NotGguf)));
        assert!(matches!(
            verdict(b"PK\x03\x04 and so on"),
            Err(GgufError::NotGguf)
        ));
        assert!(matches!(
            read(Path::new("/nowhere/at.all")),
            Err(GgufError::Unreadable(_))
        ));
        assert!(matches!(read(Path::new("/")), Err(GgufError::NotGguf)));
        let mut old = whole();
        old[4] = 1;
        assert!(matches!(verdict(&old), Err(GgufError::Version(1))));
        let mut absurd = whole();
        absurd[8..16].fill(0xff);
        assert!(matches!(verdict(&absurd), Err(GgufError::Damaged(_))));
    }
}
