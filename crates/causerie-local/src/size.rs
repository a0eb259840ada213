//! How much context, how many slots and how many threads suit this machine and this model.

use crate::Config;
use llama_cpp_2::model::LlamaModel;
use std::{collections::BTreeSet, fs, path::Path};

/// Memory is context, not weights: the default takes no more for it than the larger of this and
/// half the weights, and no more than a quarter of what is free.
const MODEST: u64 = 512 << 20;
/// Wanted where nobody says otherwise.
const SLOTS: u32 = 4;
const CONTEXTS: [u32; 6] = [8192, 4096, 2048, 1024, 512, 256];
/// More is no gain for a chat, and llama.cpp's own limit is not far.
const MOST_SLOTS: u32 = 128;

/// What was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Tokens of one conversation.
    pub(crate) context: u32,
    /// Conversations at once.
    pub(crate) slots: u32,
}

/// What the choice depends on.
#[derive(Clone, Copy, Debug)]
struct Needs {
    trained: u32,
    bytes_per_token: u64,
    weights: u64,
    free: u64,
}

/// Chooses for `model`, leaving alone what the operator chose.
pub(crate) fn choose(config: &Config, model: &LlamaModel) -> Size {
    let needs = Needs {
        trained: model.n_ctx_train().max(256),
        bytes_per_token: bytes_per_token(model),
        weights: model.size(),
        free: free_memory().unwrap_or(u64::MAX),
    };
    fit(config.context, config.slots, needs)
}

/// The number of threads: one for each physical core, because two on one core share the unit that
/// does the work.
pub(crate) fn threads(config: &Config) -> i32 {
    let allowed = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = physical_cores(Path::new("/sys/devices/system/cpu")).unwrap_or(allowed);
    let chosen = config
        .threads
        .map_or(allowed.min(cores), |threads| threads as usize);
    i32::try_from(chosen.clamp(1, 256)).expect("at most 256")
}

/// The longest context, then the most slots, that fit what may be used for them. Below 4,096
/// tokens conversations suffer more than from waiting, so slots go first.
fn fit(context: Option<u32>, slots: Option<u32>, needs: Needs) -> Size {
    let budget = MODEST.max(needs.weights / 2).min(needs.free / 4);
    // More than it was trained on gives no sense.
    let contexts: Vec<u32> = match context {
        Some(tokens) => vec![tokens.clamp(64, needs.trained)],
        None => CONTEXTS
            .into_iter()
            .filter(|tokens| *tokens <= needs.trained)
            .collect(),
    };
    let slots: Vec<u32> = match slots {
        Some(slots) => vec![slots.clamp(1, MOST_SLOTS)],
        None => (1..=SLOTS).rev().collect(),
    };
    let (most, fewest) = (slots[0], slots[slots.len() - 1]);
    let usual = contexts
        .iter()
        .copied()
        .find(|tokens| *tokens <= 4096)
        .unwrap_or(contexts[0]);
    let roomy = contexts
        .iter()
        .filter(|context| **context > usual)
        .map(|context| (*context, most));
    let fewer = slots.iter().map(|slots| (usual, *slots));
    let tight = contexts
        .iter()
        .filter(|context| **context < usual)
        .map(|context| (*context, fewest));
    let choices: Vec<Size> = roomy
        .chain(fewer)
        .chain(tight)
        .map(|(context, slots)| Size { context, slots })
        .collect();
    let bytes =
        |size: &Size| u64::from(size.context) * u64::from(size.slots) * needs.bytes_per_token;
    let chosen = choices
        .iter()
        .find(|size| bytes(size) <= budget)
        .or(choices.last());
    *chosen.expect("the usual context is always a choice")
}

/// Bytes that the keys and values of one token take, as 16-bit floats.
fn bytes_per_token(model: &LlamaModel) -> u64 {
    let number = |key: &str| model.meta_val_str(key).ok()?.parse::<u64>().ok();
    let family = model
        .meta_val_str("general.architecture")
        .unwrap_or_default();
    let heads = u64::from(model.n_head().max(1));
    let width = u64::from(model.n_embd().unsigned_abs()) / heads;
    let key = number(&format!("{family}.attention.key_length")).unwrap_or(width);
    let value = number(&format!("{family}.attention.value_length")).unwrap_or(width);
    u64::from(model.n_layer()) * u64::from(model.n_head_kv().max(1)) * (key + value) * 2
}

/// Bytes the machine, or the container we are in, can give without swapping, where they say so.
fn free_memory() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok();
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let container = room_in_groups(Path::new("/sys/fs/cgroup"), &own);
    let machine = machine.as_deref().and_then(available);
    machine.into_iter().chain(container).min()
}

/// The least room in the control groups that `own`, the text of `/proc/self/cgroup`, names, and in
/// those above them. A container sees its own as the root.
fn room_in_groups(mount: &Path, own: &str) -> Option<u64> {
    let room = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let files = match controllers {
            "" => &GROUPS_V2,
            list if list.split(',').any(|one| one == "memory") => &GROUPS_V1,
            _ => return None,
        };
        let mount = mount.join(files.mount);
        let above = Path::new(path.trim_start_matches('/')).ancestors();
        above
            .filter_map(|group| files.room(&mount.join(group)))
            .min()
    };
    own.lines().filter_map(room).min()
}

/// The files of one version of control groups.
struct Groups {
    mount: &'static str,
    most: &'static str,
    used: &'static str,
    /// The key in `memory.stat` of file contents that are given back when memory is short.
    cache: &'static str,
}

const GROUPS_V2: Groups = Groups {
    mount: "",
    most: "memory.max",
    used: "memory.current",
    cache: "inactive_file",
};
const GROUPS_V1: Groups = Groups {
    mount: "memory",
    most: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    cache: "total_inactive_file",
};

impl Groups {
    /// `None` if the group has no limit, or is not seen from here.
    fn room(&self, group: &Path) -> Option<u64> {
        let number = |file| -> Option<u64> {
            let text = fs::read_to_string(group.join(file)).ok()?;
            text.trim().parse().ok()
        };
        let (most, used) = (number(self.most)?, number(self.used)?);
        let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
        let cache = stat.lines().find_map(|line| {
            let (key, bytes) = line.split_once(' ')?;
            (key == self.cache).then(|| bytes.parse::<u64>().ok())?
        });
        Some(most.saturating_sub(used.saturating_sub(cache.unwrap_or(0))))
    }
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn physical_cores(cpus: &Path) -> Option<usize> {
    let siblings: BTreeSet<String> = fs::read_dir(cpus)
        .ok()?
        .flatten()
        .filter_map(|cpu| fs::read_to_string(cpu.path().join("topology/thread_siblings_list")).ok())
        .collect();
    (!siblings.is_empty()).then_some(siblings.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Needs = Needs {
        trained: 8192,
        bytes_per_token: 23_040,
        weights: 98 << 20,
        free: 16 << 30,
    };
    const LARGE: Needs = Needs {
        trained: 131_072,
        bytes_per_token: 131_072,
        weights: 5 << 30,
        free: 16 << 30,
    };

    #[test]
    fn the_default_is_modest_and_suits_the_machine() {
        assert_eq!(
            fit(None, None, SMALL),
            Size {
                context: 4096,
                slots: 4
            }
        );
        assert_eq!(
            fit(None, None, LARGE),
            Size {
                context: 4096,
                slots: 4
            }
        );
        let poor = Needs {
            free: 3 << 30,
            ..LARGE
        };
        assert_eq!(
            fit(None, None, poor),
            Size {
                context: 4096,
                slots: 1
            }
        );
        let poorer = Needs {
            free: 1 << 30,
            ..LARGE
        };
        assert_eq!(
            fit(None, None, poorer),
            Size {
                context: 2048,
                slots: 1
            }
        );
        let short = Needs {
            trained: 2048,
            ..SMALL
        };
        assert_eq!(
            fit(None, None, short),
            Size {
                context: 2048,
                slots: 4
            }
        );
    }

    #[test]
    fn what_the_operator_chose_stands() {
        assert_eq!(
            fit(Some(1000), Some(9), SMALL),
            Size {
                context: 1000,
                slots: 9
            }
        );
        assert_eq!(
            fit(Some(8192), Some(40), SMALL),
            Size {
                context: 8192,
                slots: 40
            }
        );
        assert_eq!(fit(Some(100_000), None, SMALL).context, 8192);
    }

    #[test]
    fn a_container_has_no_more_than_its_groups_give() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let room = |own: &str| room_in_groups(dir.path(), own);
        assert_eq!(room("0::/\n"), None);
        write("memory.max", "max\n");
        write("memory.current", "10\n");
        assert_eq!(room("0::/\n"), None);
        write("pod/memory.max", "1000\n");
        write("pod/memory.current", "400\n");
        write("pod/memory.stat", "anon 100\ninactive_file 250\n");
        write("pod/box/memory.max", "5000\n");
        write("pod/box/memory.current", "300\n");
        assert_eq!(room("0::/pod/box\n"), Some(850), "the pod is tighter");
        write("memory/memory.limit_in_bytes", "700\n");
        write("memory/memory.usage_in_bytes", "800\n");
        assert_eq!(room("5:cpu:/x\n4:hugetlb,memory:/not/seen\n"), Some(0));
        assert_eq!(room("nonsense"), None);
    }

    #[test]
    fn the_free_memory_is_read() {
        assert_eq!(
            available("MemTotal: 9 kB\nMemAvailable:   1000 kB\n"),
            Some(1_024_000)
        );
        assert_eq!(available("nothing"), None);
    }
}
