//! A form of a model that is computed quicker.
//!
//! llama.cpp has quick multiplications for some formats of weights, and Q4_1 is not among them. The
//! same weights in Q8_0 are computed 1.4 to 2 times as fast when several tokens are computed
//! together, in prompts and in several answers at once, and as fast otherwise; they take 1.7 times
//! the memory. Eight bits hold what four bits held: where weights lie around nought, as they do, one
//! moves by a fifteenth of the distance to its neighbours at most, so answers stay as good.
//!
//! So a small model in Q4_1 is written once more in Q8_0 before it is loaded for the first time.
//! That takes a second, and whatever stands in its way is no reason to fail: the model is then
//! loaded as it is.

use crate::{
    Config,
    gguf::{self, Layout, Q4_1, Q8_0, Tensor},
    models::disk,
    saved::name_of_model,
};
use half::f16;
use std::{
    borrow::Cow,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
};

/// A larger model would rather have the memory.
const LARGEST: u64 = 512 << 20;
/// Numbers in a block, of both formats.
const BLOCK: usize = 32;
/// Bytes of a block in Q4_1: step and least number as 16-bit floats, then two numbers in a byte.
const SLOW: usize = 20;
/// Bytes of a block in Q8_0: the step as a 16-bit float, then a number in a byte.
const QUICK: usize = 34;
/// Blocks that are read at once.
const AT_ONCE: usize = 4096;

/// The file to load for the model of `config`, which has this `layout`: its quick form, if it has
/// or can have one, or else itself.
pub(crate) fn form<'c>(config: &'c Config, layout: &Layout) -> Cow<'c, Path> {
    let own = Cow::Borrowed(config.path.as_path());
    let (Some(dir), Some(plan)) = (&config.quick_dir, Plan::of(layout)) else {
        return own;
    };
    // Where a path leads depends on where we are.
    let path = config.path.canonicalize();
    let mut name = name_of_model(path.as_deref().unwrap_or(&config.path));
    name.push(".q8");
    let quick = dir.join(name);
    match provide(&config.path, &quick, &plan) {
        Ok(true) => quick.into(),
        Ok(false) => {
            tracing::info!(
                "another process makes a quicker form of the model; loading it as it is"
            );
            own
        }
        Err(error) => {
            tracing::warn!(
                %error,
                file = %quick.display(),
                "no quicker form of the model could be written; loading it as it is"
            );
            own
        }
    }
}

/// What is written.
struct Plan<'l> {
    layout: &'l Layout,
    /// The tensors as they will be.
    tensors: Vec<Tensor>,
    /// Where the data will begin.
    data: u64,
    /// Bytes of the whole.
    size: u64,
}

impl<'l> Plan<'l> {
    /// `None` if it is not worth it: for formats that are quick, and for large models.
    fn of(layout: &'l Layout) -> Option<Self> {
        let whole: u64 = layout.tensors.iter().map(Tensor::elements).sum();
        let slow = layout.tensors.iter().filter(|tensor| is_slow(tensor));
        let slow: u64 = slow.map(Tensor::elements).sum();
        if slow < whole / 2 || slow == 0 {
            return None;
        }
        let (mut tensors, mut table, mut end) = (vec![], layout.table, 0u64);
        for tensor in &layout.tensors {
            let mut tensor = tensor.clone();
            // What cannot be measured cannot be copied.
            if tensor.bytes() == 0 || tensor.name.is_empty() {
                return None;
            }
            if is_slow(&tensor) {
                tensor.kind = Q8_0;
            }
            tensor.offset = end;
            end = (end + tensor.bytes()).next_multiple_of(layout.alignment);
            table += entry(&tensor).len() as u64;
            tensors.push(tensor);
        }
        let data = table.next_multiple_of(layout.alignment);
        let size = data + end;
        (size <= LARGEST).then_some(Self {
            layout,
            tensors,
            data,
            size,
        })
    }

    /// Writes the quick form of `model` to `to`.
    fn write(&self, model: &Path, to: &Path) -> io::Result<()> {
        let mut from = BufReader::with_capacity(AT_ONCE * SLOW, File::open(model)?);
        let mut to = BufWriter::with_capacity(AT_ONCE * QUICK, File::create(to)?);
        copy(&mut from, &mut to, self.layout.table)?;
        for tensor in &self.tensors {
            to.write_all(&entry(tensor))?;
        }
        let mut at = to.stream_position()?;
        for (old, new) in self.layout.tensors.iter().zip(&self.tensors) {
            pad(&mut to, &mut at, self.data + new.offset)?;
            from.seek(SeekFrom::Start(self.layout.data + old.offset))?;
            match is_slow(old) {
                true => convert(&mut from, &mut to, old.elements() as usize / BLOCK)?,
                false => copy(&mut from, &mut to, old.bytes())?,
            }
            at += new.bytes();
        }
        pad(&mut to, &mut at, self.size)?;
        let to = to.into_inner()?;
        // The model's own time says which model it was made of.
        to.set_modified(from.get_ref().metadata()?.modified()?)?;
        // Its name is to say that all of it is there, after a loss of power too.
        to.sync_all()
    }
}

fn is_slow(tensor: &Tensor) -> bool {
    // A row is made of whole blocks.
    tensor.kind == Q4_1 && tensor.shape[0].is_multiple_of(BLOCK as u64)
}

/// Sees to it that `quick` is the quick form of `model`. `false` if another process is about it.
fn provide(model: &Path, quick: &Path, plan: &Plan<'_>) -> io::Result<bool> {
    if is_current(model, quick, plan.size)? {
        return Ok(true);
    }
    let dir = quick.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let Some(_lock) = disk::Lock::try_take(quick).map_err(io::Error::other)? else {
        return Ok(false);
    };
    disk::check_room(dir, plan.size).map_err(io::Error::other)?;
    tracing::info!(file = %quick.display(), "writing a quicker form of the model, once");
    let part = disk::beside(quick, "part");
    let written = plan
        .write(model, &part)
        .and_then(|()| fs::rename(&part, quick));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written.map(|()| true)
}

/// Whether `quick` is whole and was made of what `model` is now.
fn is_current(model: &Path, quick: &Path, size: u64) -> io::Result<bool> {
    let Ok(there) = fs::metadata(quick) else {
        return Ok(false);
    };
    let made_of_it = there.modified()? == fs::metadata(model)?.modified()?;
    Ok(made_of_it && there.len() == size && gguf::read(quick).is_ok())
}

/// A line of the table of tensors.
fn entry(tensor: &Tensor) -> Vec<u8> {
    let mut entry = (tensor.name.len() as u64).to_le_bytes().to_vec();
    entry.extend(&tensor.name);
    let dimensions = u32::try_from(tensor.shape.len()).expect("at most four");
    entry.extend(dimensions.to_le_bytes());
    for size in &tensor.shape {
        entry.extend(size.to_le_bytes());
    }
    entry.extend(tensor.kind.to_le_bytes());
    entry.extend(tensor.offset.to_le_bytes());
    entry
}

fn copy(from: &mut impl Read, to: &mut impl Write, bytes: u64) -> io::Result<()> {
    match io::copy(&mut from.take(bytes), to)? {
        copied if copied == bytes => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Writes nothing until `at` is `until`.
fn pad(to: &mut impl Write, at: &mut u64, until: u64) -> io::Result<()> {
    copy(&mut io::repeat(0), to, until - *at)?;
    *at = until;
    Ok(())
}

fn convert(from: &mut impl Read, to: &mut impl Write, blocks: usize) -> io::Result<()> {
    let mut slow = vec![0; AT_ONCE * SLOW];
    let mut quick = Vec::with_capacity(AT_ONCE * QUICK);
    for begun in (0..blocks).step_by(AT_ONCE) {
        let now = AT_ONCE.min(blocks - begun);
        from.read_exact(&mut slow[..now * SLOW])?;
        quick.clear();
        for block in slow[..now * SLOW].as_chunks().0 {
            quick.extend(again(block));
        }
        to.write_all(&quick)?;
    }
    Ok(())
}

/// A block of Q4_1 in Q8_0.
fn again(block: &[u8; SLOW]) -> [u8; QUICK] {
    let numbers = numbers(block);
    let largest = numbers
        .iter()
        .fold(0f32, |most, number| most.max(number.abs()));
    let step = f16::from_f32(largest / 127.0);
    let mut quick = [0; QUICK];
    quick[..2].copy_from_slice(&step.to_le_bytes());
    let step = step.to_f32();
    if step > 0.0 {
        for (byte, number) in quick[2..].iter_mut().zip(numbers) {
            // The step was rounded, perhaps down.
            *byte = (number / step).round().clamp(-127.0, 127.0) as i8 as u8;
        }
    }
    quick
}

/// The numbers of a block of Q4_1: the first half in the lower halves of the bytes.
fn numbers(block: &[u8; SLOW]) -> [f32; BLOCK] {
    let float = |at: usize| f16::from_le_bytes([block[at], block[at + 1]]).to_f32();
    let (step, least) = (float(0), float(2));
    let mut numbers = [0.0; BLOCK];
    for (at, byte) in block[4..].iter().enumerate() {
        numbers[at] = f32::from(byte & 0xf) * step + least;
        numbers[at + BLOCK / 2] = f32::from(byte >> 4) * step + least;
    }
    numbers
}

#[cfg(test)]
mod tests;
