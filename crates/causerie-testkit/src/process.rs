//! A child process, watched from outside: what it costs, and how it dies.

use std::{
    fs, io,
    process::{Child, Command, ExitStatus},
    time::Duration,
};

/// A running program of ours. Killed when dropped.
pub struct Process {
    child: Child,
}

/// What a process has cost so far, as Linux accounts it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Time on a processor, user and system together.
    pub cpu: Duration,
    /// Memory resident now, in bytes.
    pub resident: u64,
    /// The most memory that was resident at once, in bytes.
    pub peak: u64,
}

impl Process {
    /// Starts `command`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        Ok(Self {
            child: command.spawn()?,
        })
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The pipes, while nobody took them.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Ends it at once, as a crash or the kernel would (`kill -9`), and waits for its end.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop (SIGTERM), and waits until it has.
    ///
    /// # Errors
    /// If it cannot be asked or waited for.
    pub fn terminate(mut self) -> io::Result<ExitStatus> {
        self.signal("-TERM")?;
        self.child.wait()
    }

    /// Sends it a signal, such as `-STOP`.
    ///
    /// # Errors
    /// If it cannot be sent.
    pub fn signal(&self, signal: &str) -> io::Result<()> {
        let sent = Command::new("kill")
            .args([signal, &self.id().to_string()])
            .status()?;
        match sent.success() {
            true => Ok(()),
            false => Err(io::Error::other(format!("kill {signal} failed"))),
        }
    }

    /// What it has cost so far.
    ///
    /// # Errors
    /// If `/proc` cannot be read: it has ended, or this is not Linux.
    pub fn cost(&self) -> io::Result<Cost> {
        let directory = format!("/proc/{}", self.id());
        let status = fs::read_to_string(format!("{directory}/status"))?;
        let stat = fs::read_to_string(format!("{directory}/stat"))?;
        Ok(Cost {
            cpu: processor_time(&stat).ok_or(io::ErrorKind::InvalidData)?,
            resident: kibibytes(&status, "VmRSS:").ok_or(io::ErrorKind::InvalidData)? * 1024,
            peak: kibibytes(&status, "VmHWM:").ok_or(io::ErrorKind::InvalidData)? * 1024,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    line[name.len()..].split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15 of `/proc/PID/stat`, counted behind the parenthesis that closes the program's
/// name, in hundredths of a second: the kernel's fixed unit for programs (`USER_HZ`).
fn processor_time(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_costs_something_and_dies_when_killed() {
        let process = Process::start(Command::new("sleep").arg("60")).unwrap();
        let cost = process.cost().unwrap();
        assert!(cost.resident > 0 && cost.peak >= cost.resident);
        process.kill().unwrap();
    }

    #[test]
    fn a_name_with_a_parenthesis_does_not_confuse_the_fields() {
        let stat = "7 (a) b) S 1 1 1 0 -1 4194304 1 0 0 0 12 3 0 0 20 0 1 0 1 1 1";
        assert_eq!(processor_time(stat), Some(Duration::from_millis(150)));
    }
}
