//! How the store is laid out, written down in Redis so that other versions of this program notice.

use crate::{PARTITIONS, Purpose, RedisStore, fault::Fault};
use redis::{RedisError, Value, cmd, from_redis_value};
use std::collections::HashMap;

/// The layout this program knows.
const VERSION: u32 = 2;

/// Encrypted with the current key, so that another key is found out at once.
const WORD: &str = "causerie";

impl RedisStore {
    /// Checks the layout and the key, and writes both down if nobody did, unless it is to be read
    /// alone.
    pub(crate) async fn check_schema(&self, encrypts: bool, purpose: Purpose) -> Result<(), Fault> {
        let key = format!("{}schema", self.prefix);
        if purpose == Purpose::Use {
            for (field, value) in [("version", VERSION), ("partitions", PARTITIONS.into())] {
                let mut set = cmd("HSETNX");
                set.arg(&key).arg(field).arg(value);
                self.link.send(&set, Some(&key)).await?;
            }
        }
        let mut get = cmd("HGETALL");
        get.arg(&key);
        let found = self.link.send(&get, None).await?;
        let found = fields(found)?;
        if found.is_empty() {
            return Err(Fault::Nothing);
        }
        let number = |field: &str| -> Result<u32, Fault> {
            let text = found
                .get(field)
                .and_then(|value| std::str::from_utf8(value).ok());
            let number = text.and_then(|text| text.parse().ok());
            number.ok_or(Fault::Damaged("the schema's numbers are none"))
        };
        let version = number("version")?;
        if version > VERSION {
            let known = VERSION;
            return Err(Fault::Newer {
                found: version,
                known,
            });
        }
        if version < VERSION && purpose == Purpose::Use {
            // What it holds is read, and written anew as it changes. Older programs cannot read that.
            let mut set = cmd("HSET");
            set.arg(&key).arg("version").arg(VERSION);
            self.link.send(&set, Some(&key)).await?;
        }
        if number("partitions")? != u32::from(PARTITIONS) {
            return Err(Fault::Damaged("it has another number of partitions"));
        }
        let place = format!("{key} check");
        if let Some(check) = found.get("check") {
            self.seal.read::<String>(&place, check)?;
        }
        if encrypts && purpose == Purpose::Use {
            let mut set = cmd("HSET");
            let check = self.seal.write(&place, &WORD)?;
            set.arg(&key).arg("check").arg(check);
            self.link.send(&set, Some(&key)).await?;
        }
        Ok(())
    }
}

fn fields(value: Value) -> Result<HashMap<String, Vec<u8>>, Fault> {
    let fields = from_redis_value(value).map_err(RedisError::from);
    fields.map_err(Fault::Redis)
}
