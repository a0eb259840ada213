use super::*;
use proptest::prelude::*;
use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};
use tempfile::TempDir;

const FLOATS: u32 = 0;
/// Rows of the slow tensor.
const ROWS: u64 = 300;

/// A model of two tensors: one in Q4_1 and, before it in the file, one of floats.
fn model(rows: u64) -> Vec<u8> {
    let mut file = b"GGUF".to_vec();
    let word = |file: &mut Vec<u8>, word: &str| {
        file.extend((word.len() as u64).to_le_bytes());
        file.extend(word.as_bytes());
    };
    file.extend(3u32.to_le_bytes());
    file.extend(2u64.to_le_bytes());
    file.extend(1u64.to_le_bytes());
    word(&mut file, "tokenizer.ggml.tokens");
    for number in [9u32, 8] {
        file.extend(number.to_le_bytes());
    }
    file.extend(1u64.to_le_bytes());
    word(&mut file, "a");
    let slow = Tensor {
        name: b"weights".to_vec(),
        shape: vec![64, rows],
        kind: Q4_1,
        offset: 64,
    };
    let floats = Tensor {
        name: b"norm".to_vec(),
        shape: vec![3],
        kind: FLOATS,
        offset: 0,
    };
    file.extend(entry(&slow));
    file.extend(entry(&floats));
    file.resize(file.len().next_multiple_of(32), 0);
    let data = file.len();
    file.extend([1.5f32, -2.5, 3.5].map(f32::to_le_bytes).concat());
    file.resize(data + 64, 0);
    for at in 0..rows * 2 {
        file.extend(f16::from_f32(0.25).to_le_bytes());
        file.extend(f16::from_f32(-1.0).to_le_bytes());
        file.extend((0..16).map(|byte| (at as u8).wrapping_mul(7).wrapping_add(byte * 17)));
    }
    file
}

struct House {
    dir: TempDir,
    config: Config,
}

impl House {
    fn with(rows: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.gguf");
        fs::write(&path, model(rows)).unwrap();
        let quick_dir = Some(dir.path().join("quick"));
        Self {
            config: Config {
                quick_dir,
                ..Config::new(path)
            },
            dir,
        }
    }

    fn form(&self) -> PathBuf {
        let layout = gguf::read(&self.config.path).unwrap();
        form(&self.config, &layout).into_owned()
    }

    /// Gives the model another age.
    fn touch(&self, time: SystemTime) {
        let file = File::options().write(true).open(&self.config.path);
        file.unwrap().set_modified(time).unwrap();
    }
}

#[test]
fn the_quick_form_holds_the_same_numbers() {
    let house = House::with(ROWS);
    let quick = house.form();
    assert_ne!(quick, house.config.path);
    let layout = gguf::read(&quick).unwrap();
    let [weights, norm] = layout.tensors.as_slice() else {
        panic!("{layout:?}")
    };
    assert_eq!((weights.kind, norm.kind), (Q8_0, FLOATS));
    assert_eq!(weights.shape, [64, ROWS]);
    let (old, new) = (model(ROWS), fs::read(&quick).unwrap());
    let at = |tensor: &Tensor| (layout.data + tensor.offset) as usize;
    let floats: Vec<u8> = [1.5f32, -2.5, 3.5].map(f32::to_le_bytes).concat();
    assert_eq!(new[at(norm)..at(norm) + 12], floats);
    let slow = &old[old.len() - ROWS as usize * 2 * SLOW..];
    let blocks = new[at(weights)..].as_chunks::<QUICK>().0;
    for (slow, quick) in slow.as_chunks::<SLOW>().0.iter().zip(blocks) {
        assert_eq!(*quick, again(slow));
    }
    // The table and the data say the same as before, byte for byte, up to the table.
    let table = gguf::read(&house.config.path).unwrap().table as usize;
    assert_eq!(new[..table], old[..table]);
}

#[test]
fn it_is_written_once_and_again_when_the_model_changes() {
    let house = House::with(ROWS);
    let quick = house.form();
    let mark = |quick: &Path| {
        let time = fs::metadata(quick).unwrap().modified().unwrap();
        let mut bytes = fs::read(quick).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(quick, bytes).unwrap();
        let file = File::options().write(true).open(quick).unwrap();
        file.set_modified(time).unwrap();
    };
    let fresh = fs::read(&quick).unwrap();
    mark(&quick);
    assert_eq!(house.form(), quick);
    assert_ne!(fs::read(&quick).unwrap(), fresh, "it was written again");
    // An older file in the model's place is another model too.
    house.touch(SystemTime::now() - Duration::from_secs(9999));
    assert_eq!(house.form(), quick);
    assert_eq!(fs::read(&quick).unwrap(), fresh);
    // A form that was cut is written anew.
    fs::write(&quick, &fresh[..fresh.len() / 2]).unwrap();
    assert_eq!(house.form(), quick);
    assert_eq!(fs::read(&quick).unwrap(), fresh);
    // What a process left that was killed is in nobody's way.
    fs::remove_file(&quick).unwrap();
    fs::write(disk::beside(&quick, "part"), vec![7; fresh.len() * 2]).unwrap();
    assert_eq!(house.form(), quick);
    assert_eq!(fs::read(&quick).unwrap(), fresh);
}

#[test]
fn whatever_stands_in_its_way_the_model_itself_is_loaded() {
    let mut house = House::with(ROWS);
    let blocked = house.dir.path().join("blocked");
    fs::write(&blocked, "a file").unwrap();
    house.config.quick_dir = Some(blocked);
    assert_eq!(house.form(), house.config.path);

    house.config.quick_dir = Some(house.dir.path().join("quick"));
    let quick = house.form();
    fs::remove_file(&quick).unwrap();
    let other = disk::Lock::try_take(&quick).unwrap().unwrap();
    assert_eq!(house.form(), house.config.path);
    drop(other);
    assert_eq!(house.form(), quick);

    house.config.quick_dir = None;
    assert_eq!(house.form(), house.config.path);
}

#[test]
fn only_small_models_in_a_slow_format_have_one() {
    let file = House::with(ROWS);
    let layout = gguf::read(&file.config.path).unwrap();
    let with = |change: &dyn Fn(&mut Tensor)| {
        let mut layout = Layout {
            tensors: layout.tensors.clone(),
            ..layout
        };
        change(&mut layout.tensors[0]);
        Plan::of(&layout).is_some()
    };
    assert!(with(&|_| {}));
    assert!(!with(&|tensor| tensor.kind = Q8_0), "it is quick");
    assert!(!with(&|tensor| tensor.kind = 9999), "it is not known");
    assert!(
        !with(&|tensor| tensor.shape = vec![16, 4]),
        "no whole blocks"
    );
    let large = LARGEST / QUICK as u64;
    assert!(!with(&|tensor| tensor.shape = vec![32, large]), "too large");
    assert!(with(&|tensor| tensor.shape = vec![32, large - 99]));
}

proptest! {
    #[test]
    fn no_number_moves_far(
        step in 0.001f32..10.0,
        least in -80.0f32..1.0,
        bytes in prop::array::uniform16(any::<u8>()),
    ) {
        let mut block = [0; SLOW];
        block[..2].copy_from_slice(&f16::from_f32(step).to_le_bytes());
        block[2..4].copy_from_slice(&f16::from_f32(least).to_le_bytes());
        block[4..].copy_from_slice(&bytes);
        let quick = again(&block);
        let step = f16::from_le_bytes([quick[0], quick[1]]).to_f32();
        let numbers = numbers(&block);
        let largest = numbers.iter().fold(0f32, |most, number| most.max(number.abs()));
        for (number, byte) in numbers.iter().zip(&quick[2..]) {
            let moved = (f32::from(*byte as i8) * step - number).abs();
            prop_assert!(moved <= largest / 127.0 * 0.57, "{number} moved by {moved}");
        }
    }

    #[test]
    fn no_block_is_a_problem(block in prop::array::uniform20(any::<u8>())) {
        again(&block);
    }
}
