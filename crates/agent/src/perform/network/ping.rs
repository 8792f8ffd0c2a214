//! ICMP echo, without a program and mostly without root: a datagram socket that the kernel allows to the groups in
//! `net.ipv4.ping_group_range`, a raw one where it does not and the agent is root.
//!
//! One request at a time; an answer that comes after its wait counts as lost.

use std::{
    io::IoSliceMut,
    net::SocketAddr,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::PollFlags,
    sys::socket::{
        AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage,
        connect, recvmsg, send, setsockopt, socket, sockopt,
    },
};
use postern_protocol::result::{PingReply, PingResult};

use super::{
    icmp::{Echo, Family, Identifier, without_ip_header},
    wait::ready,
};
use crate::random;

/// Between two requests, as the kernel's own `ping` allows everybody.
const INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error(
        "this host's kernel forbids ICMP sockets to the agent's user: run the agent as root, or let its group in with \
         `sysctl net.ipv4.ping_group_range=\"GROUP GROUP\"`"
    )]
    Forbidden,
    #[error("the host has no address")]
    NoAddress,
    #[error("{address} cannot be asked: {}", .errno.desc().to_lowercase())]
    System { address: String, errno: Errno },
}

/// What pings found, and why the last one that went wrong did.
#[derive(Debug)]
pub(super) struct Pinged {
    pub(super) result: PingResult,
    pub(super) problem: Option<Errno>,
}

/// The first address that there is a way to. `each` hears of every request as it ends.
pub(super) fn ping(
    host: &str,
    addresses: &[SocketAddr],
    count: u32,
    wait: Duration,
    each: &mut dyn FnMut(&PingReply),
) -> Result<Pinged, Error> {
    let mut failure = None;
    for address in addresses {
        match Pinger::open(*address) {
            Ok(pinger) => return Ok(pinger.run(host, count, wait, each)),
            // What a person can change is worth more than a family of addresses that the host does not have.
            Err(error) if failure.is_none() || error == Error::Forbidden => failure = Some(error),
            Err(_) => {}
        }
    }
    Err(failure.unwrap_or(Error::NoAddress))
}

struct Pinger {
    socket: OwnedFd,
    address: SocketAddr,
    family: Family,
    kind: SockType,
    token: String,
}

impl Pinger {
    fn open(address: SocketAddr) -> Result<Self, Error> {
        let family = Family::of(address.ip());
        let (domain, protocol) = match family {
            Family::V4 => (AddressFamily::Inet, SockProtocol::Icmp),
            Family::V6 => (AddressFamily::Inet6, SockProtocol::IcmpV6),
        };
        let failed = |errno| Error::System {
            address: address.ip().to_string(),
            errno,
        };
        let open = |kind| socket(domain, kind, SockFlag::SOCK_CLOEXEC, protocol);
        let forbidden = |errno| matches!(errno, Errno::EACCES | Errno::EPERM);
        let (socket, kind) = match open(SockType::Datagram) {
            Ok(socket) => (socket, SockType::Datagram),
            Err(errno) if forbidden(errno) => match open(SockType::Raw) {
                Ok(socket) => (socket, SockType::Raw),
                Err(errno) if forbidden(errno) => return Err(Error::Forbidden),
                Err(errno) => return Err(failed(errno)),
            },
            Err(errno) => return Err(failed(errno)),
        };
        match family {
            Family::V4 => setsockopt(&socket, sockopt::Ipv4RecvTtl, &true),
            Family::V6 => setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true),
        }
        .map_err(failed)?;
        connect(socket.as_raw_fd(), &SockaddrStorage::from(address)).map_err(failed)?;
        Ok(Self {
            socket,
            address,
            family,
            kind,
            token: random::identifier(),
        })
    }

    fn run(&self, host: &str, count: u32, wait: Duration, each: &mut dyn FnMut(&PingReply)) -> Pinged {
        let mut replies = Vec::new();
        let mut problem = None;
        for sequence in 1..=count {
            let begin = Instant::now();
            let reply = match self.once(sequence, begin, wait) {
                Ok(reply) => reply,
                Err(errno) => {
                    problem = Some(errno);
                    PingReply {
                        sequence,
                        ttl: None,
                        time_us: None,
                    }
                }
            };
            each(&reply);
            replies.push(reply);
            if sequence < count {
                self.pause(begin);
            }
        }
        Pinged {
            result: summary(host, self.address, replies),
            problem,
        }
    }

    fn once(&self, sequence: u32, begin: Instant, wait: Duration) -> nix::Result<PingReply> {
        let echo = Echo {
            // Any number will do: the token tells two agents' requests apart.
            identifier: u16::try_from(std::process::id() & 0xffff).unwrap_or(0),
            sequence: u16::try_from(sequence).unwrap_or(0),
            token: self.token.clone().into_bytes(),
        };
        send(
            self.socket.as_raw_fd(),
            &echo.request(self.family),
            MsgFlags::empty(),
        )?;
        let mut reply = PingReply {
            sequence,
            ttl: None,
            time_us: None,
        };
        while let Some(rest) = wait.checked_sub(begin.elapsed()) {
            if ready(self.socket.as_fd(), PollFlags::POLLIN, rest)?.is_empty() {
                break;
            }
            if let Some(ttl) = self.receive(&echo)? {
                reply.time_us = u64::try_from(begin.elapsed().as_micros()).ok();
                reply.ttl = ttl;
                break;
            }
        }
        Ok(reply)
    }

    /// The TTL of the answer, if it has one; nothing when it was not an answer to this.
    fn receive(&self, echo: &Echo) -> nix::Result<Option<Option<u32>>> {
        let mut buffer = [0; 1500];
        let mut space = nix::cmsg_space!(i32, i32);
        let (bytes, ttl) = {
            let mut slices = [IoSliceMut::new(&mut buffer)];
            let flags = MsgFlags::MSG_DONTWAIT;
            let message = match recvmsg::<SockaddrStorage>(
                self.socket.as_raw_fd(),
                &mut slices,
                Some(&mut space),
                flags,
            ) {
                Ok(message) => message,
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
                Err(errno) => return Err(errno),
            };
            let ttl = message.cmsgs()?.find_map(|part| match part {
                ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => {
                    u32::try_from(ttl).ok()
                }
                _ => None,
            });
            (message.bytes, ttl)
        };
        let packet = buffer.get(..bytes).unwrap_or_default();
        let raw = self.kind == SockType::Raw;
        let packet = if raw && self.family == Family::V4 {
            without_ip_header(packet)
        } else {
            packet
        };
        let identifier = if raw {
            Identifier::Ours
        } else {
            Identifier::OfKernel
        };
        let answered = echo.is_answered_by(packet, self.family, identifier);
        Ok(answered.then_some(ttl))
    }

    /// Until the next request may be sent. What comes meanwhile is late, and thrown away.
    fn pause(&self, begin: Instant) {
        let mut buffer = [0; 1500];
        while let Some(rest) = INTERVAL.checked_sub(begin.elapsed()) {
            match ready(self.socket.as_fd(), PollFlags::POLLIN, rest) {
                Ok(events) if events.is_empty() => break,
                Ok(_) => {
                    let _ =
                        nix::sys::socket::recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT);
                }
                Err(_) => break,
            }
        }
    }
}

fn summary(host: &str, address: SocketAddr, replies: Vec<PingReply>) -> PingResult {
    let times: Vec<u64> = replies.iter().filter_map(|reply| reply.time_us).collect();
    let received = times.len() as u64;
    PingResult {
        host: host.to_owned(),
        address: address.ip().to_string(),
        sent: u32::try_from(replies.len()).unwrap_or(u32::MAX),
        received: u32::try_from(received).unwrap_or(u32::MAX),
        minimum_us: times.iter().copied().min(),
        average_us: times.iter().sum::<u64>().checked_div(received),
        maximum_us: times.iter().copied().max(),
        replies,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perform::network::namespace::Network;

    fn loopback(address: &str, count: u32) -> Option<(Pinged, u32)> {
        let mut heard = 0;
        let address: SocketAddr = address.parse().unwrap();
        if Pinger::open(address).err() == Some(Error::Forbidden) {
            println!("skipped: {}", Error::Forbidden);
            return None;
        }
        let pinged = ping("here", &[address], count, Duration::from_secs(5), &mut |_| {
            heard += 1;
        })
        .unwrap();
        Some((pinged, heard))
    }

    #[test]
    fn loopback_answers_each_request_over_ipv4_and_ipv6() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Some((pinged, heard)) = loopback(address, 2) else {
                return;
            };
            let result = pinged.result;
            assert_eq!((result.sent, result.received, heard), (2, 2, 2), "{address}");
            assert!(
                result.replies.iter().all(|reply| reply.ttl == Some(64)),
                "{result:?}"
            );
            assert!(result.minimum_us <= result.average_us && result.average_us <= result.maximum_us);
        }
    }

    #[test]
    fn times_are_summed_up_over_the_answers_only() {
        let reply = |sequence, time_us| PingReply {
            sequence,
            ttl: None,
            time_us,
        };
        let address = "127.0.0.1:0".parse().unwrap();
        let result = summary(
            "h",
            address,
            vec![reply(1, Some(10)), reply(2, None), reply(3, Some(30))],
        );
        assert_eq!((result.sent, result.received), (3, 2));
        assert_eq!(
            (result.minimum_us, result.average_us, result.maximum_us),
            (Some(10), Some(20), Some(30))
        );
        let none = summary("h", address, vec![reply(1, None)]);
        assert_eq!((none.received, none.average_us), (0, None));
    }

    #[test]
    fn the_datagram_socket_is_used_where_the_kernel_allows_it() {
        let Some(network) = Network::make("group") else {
            return;
        };
        let range = "/proc/sys/net/ipv4/ping_group_range";
        network.near(|| std::fs::write(range, "0 2147483647")).unwrap();
        for far in ["10.231.2.2:0", "[fd31:2::2]:0"] {
            network.near(|| {
                let pinger = Pinger::open(far.parse().unwrap()).unwrap();
                assert_eq!(pinger.kind, SockType::Datagram, "{far}");
                let result = pinger.run("far", 1, Duration::from_secs(5), &mut |_| {}).result;
                assert_eq!((result.received, result.replies[0].ttl), (1, Some(63)), "{far}");
            });
        }
    }

    #[test]
    fn a_kernel_that_forbids_it_to_a_user_is_told_of_with_the_way_out() {
        let Some(network) = Network::make("forbid") else {
            return;
        };
        let opened = network.near_as_nobody(|| Pinger::open("10.231.2.2:0".parse().unwrap()).map(|_| ()));
        let error = opened.unwrap_err();
        assert_eq!(error, Error::Forbidden);
        assert!(error.to_string().contains("net.ipv4.ping_group_range"), "{error}");
    }
}
