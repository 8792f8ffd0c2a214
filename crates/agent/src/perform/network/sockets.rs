//! `netstat`: the host's sockets from `/proc/net`, with the processes that hold them where they may be seen.
//!
//! Another user's processes are hidden from an agent without root; their sockets then have no program.

use std::{
    collections::HashMap,
    fs,
    io::{self, BufRead as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

use nix::unistd::{Uid, User};
use postern_protocol::{
    payload::NetworkProtocol,
    result::{NetstatResult, Socket},
};

/// Those shown; with every field at its longest they fit into a result.
const SOCKETS: usize = 1500;
/// Those looked at of each protocol and all before it: a busy host has many that only wait to be forgotten.
const READ: usize = 50_000;

pub(super) fn netstat(protocol: Option<NetworkProtocol>, listening_only: bool) -> io::Result<NetstatResult> {
    read(Path::new("/proc"), protocol, listening_only)
}

fn read(proc: &Path, protocol: Option<NetworkProtocol>, listening_only: bool) -> io::Result<NetstatResult> {
    let files = [
        ("tcp", NetworkProtocol::Tcp),
        ("tcp6", NetworkProtocol::Tcp),
        ("udp", NetworkProtocol::Udp),
        ("udp6", NetworkProtocol::Udp),
    ];
    let mut lines = Vec::new();
    for (file, kind) in files {
        if protocol.is_some_and(|wanted| wanted != kind) {
            continue;
        }
        let text = match fs::File::open(proc.join("net").join(file)) {
            Ok(text) => io::BufReader::new(text),
            // A kernel without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound && file.ends_with('6') => continue,
            Err(error) => return Err(error),
        };
        for line in text.lines().skip(1) {
            let line = parse(&line?, kind).filter(|line| !listening_only || line.listens());
            lines.extend(line);
            if lines.len() > READ {
                break;
            }
        }
    }
    let truncated = lines.len() > SOCKETS;
    // What is cut is what says least.
    lines.sort_by_key(Line::interest);
    lines.truncate(SOCKETS);
    let holders = holders(proc);
    let mut users = HashMap::new();
    let sockets = lines.into_iter().map(|line| {
        let user = users.entry(line.uid).or_insert_with(|| user(line.uid)).clone();
        let holder = holders.get(&line.inode).filter(|_| line.inode != 0);
        line.socket(user, holder)
    });
    Ok(NetstatResult {
        sockets: sockets.collect(),
        truncated,
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Line {
    protocol: NetworkProtocol,
    local: SocketAddr,
    remote: SocketAddr,
    state: u8,
    uid: u32,
    inode: u64,
}

impl Line {
    fn listens(&self) -> bool {
        match self.protocol {
            NetworkProtocol::Tcp => self.state == 0x0a,
            NetworkProtocol::Udp => self.remote.port() == 0,
        }
    }

    /// What is shown first, and cut last: who listens, then who talks, then what is over.
    fn interest(&self) -> u8 {
        match self.state() {
            _ if self.listens() => 0,
            "TIME_WAIT" | "CLOSE" => 2,
            _ => 1,
        }
    }

    fn socket(&self, user: String, holder: Option<&Holder>) -> Socket {
        Socket {
            protocol: self.protocol,
            local: self.local.to_string(),
            remote: self.remote.to_string(),
            state: self.state().to_owned(),
            user,
            pid: holder.map(|holder| holder.pid),
            program: holder.map(|holder| holder.program.clone()),
        }
    }

    /// The kernel's names (`include/net/tcp_states.h`); it keeps two of them for UDP as well.
    fn state(&self) -> &'static str {
        if self.protocol == NetworkProtocol::Udp {
            return if self.state == 0x01 {
                "ESTABLISHED"
            } else {
                "UNCONNECTED"
            };
        }
        match self.state {
            0x01 => "ESTABLISHED",
            0x02 => "SYN_SENT",
            0x03 | 0x0c => "SYN_RECEIVED",
            0x04 => "FIN_WAIT1",
            0x05 => "FIN_WAIT2",
            0x06 => "TIME_WAIT",
            0x07 => "CLOSED",
            0x08 => "CLOSE_WAIT",
            0x09 => "LAST_ACK",
            0x0a => "LISTEN",
            0x0b => "CLOSING",
            _ => "UNKNOWN",
        }
    }
}

/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`
fn parse(line: &str, protocol: NetworkProtocol) -> Option<Line> {
    let mut words = line.split_whitespace().skip(1);
    let local = address(words.next()?)?;
    let remote = address(words.next()?)?;
    let state = u8::from_str_radix(words.next()?, 16).ok()?;
    let mut words = words.skip(3);
    let uid = words.next()?.parse().ok()?;
    let inode = words.nth(1)?.parse().ok()?;
    Some(Line {
        protocol,
        local,
        remote,
        state,
        uid,
        inode,
    })
}

/// Hexadecimal words in the host's byte order, a colon, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = address.get(at..at + 8)?;
        let word = u32::from_str_radix(digits, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    let address: IpAddr = match address.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let mut bytes = [0; 16];
            for (index, place) in bytes.chunks_exact_mut(4).enumerate() {
                place.copy_from_slice(&word(index * 8)?);
            }
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

struct Holder {
    pid: i32,
    program: String,
}

/// By inode; of several that share a socket, the one with the lowest pid, which is mostly the one that opened it.
fn holders(proc: &Path) -> HashMap<u64, Holder> {
    let mut holders: HashMap<u64, Holder> = HashMap::new();
    let processes = fs::read_dir(proc).into_iter().flatten().flatten();
    for process in processes {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        for file in files.flatten() {
            let Some(inode) = fs::read_link(file.path()).ok().and_then(|to| inode(to.to_str()?)) else {
                continue;
            };
            if holders.get(&inode).is_none_or(|known| known.pid > pid) {
                let program = fs::read(process.path().join("comm")).unwrap_or_default();
                let program = String::from_utf8_lossy(&program)
                    .trim_end_matches('\n')
                    .to_owned();
                holders.insert(inode, Holder { pid, program });
            }
        }
    }
    holders
}

fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

fn user(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => uid.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use proptest::prelude::*;

    use super::*;

    fn find(result: &NetstatResult, local: SocketAddr) -> Option<&Socket> {
        result
            .sockets
            .iter()
            .find(|socket| socket.local == local.to_string())
    }

    #[test]
    fn a_listening_socket_is_shown_with_its_process() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let result = netstat(Some(NetworkProtocol::Tcp), true).unwrap();
            let socket = find(&result, listener.local_addr().unwrap()).unwrap();
            assert_eq!(socket.state, "LISTEN");
            assert_eq!(socket.pid, i32::try_from(std::process::id()).ok());
            assert!(socket.program.is_some());
        }
    }

    #[test]
    fn what_is_not_asked_for_is_left_out() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let local = connected.local_addr().unwrap();
        let all = netstat(None, false).unwrap();
        assert_eq!(find(&all, local).unwrap().state, "ESTABLISHED");
        assert_eq!(
            find(&all, udp.local_addr().unwrap()).unwrap().state,
            "UNCONNECTED"
        );
        let listening = netstat(None, true).unwrap();
        assert!(find(&listening, local).is_none());
        assert!(find(&listening, udp.local_addr().unwrap()).is_some());
        let only_udp = netstat(Some(NetworkProtocol::Udp), false).unwrap();
        assert!(find(&only_udp, local).is_none());
    }

    #[test]
    fn a_line_of_the_kernel_is_read() {
        let v4 = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100";
        let line = parse(v4, NetworkProtocol::Tcp).unwrap();
        assert_eq!(line.local.to_string(), "127.0.0.1:8080");
        assert_eq!((line.state(), line.uid, line.inode), ("LISTEN", 1000, 4711));
        let v6 = "1: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 01 0:0 0:0 0 0 0 5";
        assert_eq!(
            parse(v6, NetworkProtocol::Tcp).unwrap().local.to_string(),
            "[::1]:22"
        );
    }

    #[test]
    fn a_crowd_of_sockets_is_cut_and_said_to_be() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("net")).unwrap();
        let line = "0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 0\n";
        for file in ["tcp", "udp"] {
            fs::write(
                dir.path().join("net").join(file),
                format!("head\n{}", line.repeat(SOCKETS / 2)),
            )
            .unwrap();
        }
        let all = read(dir.path(), None, false).unwrap();
        assert_eq!((all.sockets.len(), all.truncated), (SOCKETS, false));
        fs::write(dir.path().join("net/tcp6"), format!("head\n{line}")).unwrap();
        let cut = read(dir.path(), None, false).unwrap();
        assert_eq!((cut.sockets.len(), cut.truncated), (SOCKETS, true));
        let over = line.replace(" 0A ", " 06 ").repeat(2 * SOCKETS);
        fs::write(dir.path().join("net/tcp"), format!("head\n{over}")).unwrap();
        let shown = read(dir.path(), None, false).unwrap();
        let listening = shown.sockets.iter().filter(|socket| socket.state != "TIME_WAIT");
        assert_eq!(
            listening.count(),
            SOCKETS / 2 + 1,
            "what is over makes room for what is not"
        );
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "\\PC{0,200}", words in prop::collection::vec("[0-9A-Fa-f:é]{0,40}", 0..12)) {
            let _ = parse(&line, NetworkProtocol::Tcp);
            let _ = parse(&words.join(" "), NetworkProtocol::Udp);
            let _ = inode(&line);
        }

        #[test]
        fn any_address_is_read_back(bytes in any::<[u8; 4]>(), port in any::<u16>()) {
            let text = format!("{:08X}:{port:04X}", u32::from_ne_bytes(bytes));
            prop_assert_eq!(address(&text), Some(SocketAddr::new(bytes.into(), port)));
        }
    }
}
