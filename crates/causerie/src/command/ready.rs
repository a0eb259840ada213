//! `causerie ready`: asks the running server, so that a container needs no other program for it.

use super::{load, print};
use crate::{
    cli::Global,
    failure::{self, Failure},
};
use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(4);
/// Its answer is a line for each model; more is none of ours.
const MOST: u64 = 64 * 1024;

/// Prints what the server says of itself.
pub(super) fn run(global: &Global) -> Result<u8, Failure> {
    let address = reachable(load(global)?.config.server.admin);
    let asked = ask(address).map_err(|source| Failure::NotRunning { address, source })?;
    let (head, body) = asked.split_once("\r\n\r\n").unwrap_or_default();
    print(&format!("{}\n", body.trim_end()))?;
    Ok(match head.split(' ').nth(1) {
        Some("200") => 0,
        _ => failure::UNAVAILABLE,
    })
}

fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /readyz HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.take(MOST).read_to_string(&mut answer)?;
    Ok(answer)
}

/// Who listens on every address is reached at home.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
