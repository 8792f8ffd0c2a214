//! The routers on the way to a host: UDP probes with a rising TTL, and what the kernel's error queue says of each.
//!
//! Needs no root. Each probe has a socket and a port of its own, so an answer belongs to it beyond doubt. A router
//! that does not answer is asked twice.

use std::{
    io::IoSliceMut,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::{AsFd as _, AsRawFd as _},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    libc,
    poll::PollFlags,
    sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt},
};
use postern_protocol::result::{Hop, TraceResult};

use super::{
    icmp::{Answer, Family, answer},
    wait::ready,
};

/// Where traceroute programs begin: ports on which nobody is expected to listen.
const FIRST_PORT: u16 = 33434;
const TRIES: u32 = 2;

#[derive(Debug, thiserror::Error)]
#[error("{address} cannot be asked: {}", .errno.desc().to_lowercase())]
pub(super) struct Error {
    address: IpAddr,
    errno: Errno,
}

/// To the first address that there is a way to. `each` hears of every hop.
pub(super) fn trace(
    host: &str,
    addresses: &[SocketAddr],
    max_hops: u32,
    wait: Duration,
    each: &mut dyn FnMut(&Hop),
) -> Result<TraceResult, Error> {
    let mut result = TraceResult {
        host: host.to_owned(),
        address: String::new(),
        hops: Vec::new(),
        reached: false,
    };
    let Some(address) = addresses
        .iter()
        .find(|address| Probe::open(**address, 1).is_ok())
        .or(addresses.first())
    else {
        return Ok(result);
    };
    result.address = address.ip().to_string();
    for number in 1..=max_hops {
        let heard = (0..TRIES).find_map(|_| probe(*address, number, wait).transpose());
        let heard = heard.transpose().map_err(|errno| Error {
            address: address.ip(),
            errno,
        })?;
        let hop = Hop {
            number,
            address: heard.as_ref().map(|heard| heard.from.to_string()),
            time_us: heard.as_ref().map(|heard| heard.time_us),
        };
        each(&hop);
        result.hops.push(hop);
        match heard.map(|heard| heard.answer) {
            Some(Answer::Host) => {
                result.reached = true;
                break;
            }
            Some(Answer::Unreachable) => break,
            Some(Answer::Hop) | None => {}
        }
    }
    Ok(result)
}

struct Heard {
    answer: Answer,
    from: IpAddr,
    time_us: u64,
}

fn probe(address: SocketAddr, number: u32, wait: Duration) -> nix::Result<Option<Heard>> {
    let probe = Probe::open(address, number)?;
    let begin = Instant::now();
    let heard = |answer, from| {
        let time_us = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
        Some(Heard {
            answer,
            from,
            time_us,
        })
    };
    match probe.socket.send(b"postern") {
        Ok(_) => {}
        Err(error) => match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EHOSTUNREACH | Errno::ENETUNREACH) => {}
            errno => return Err(errno.unwrap_or(Errno::EIO)),
        },
    }
    while let Some(rest) = wait.checked_sub(begin.elapsed()) {
        let events = ready(probe.socket.as_fd(), PollFlags::POLLIN, rest)?;
        if events.is_empty() {
            break;
        }
        if let Some((answer, from)) = probe.error()? {
            return Ok(heard(answer, from.unwrap_or(address.ip())));
        }
        // No error: somebody listens there after all, and has answered.
        if events.contains(PollFlags::POLLIN) && probe.socket.recv(&mut [0; 16]).is_ok() {
            return Ok(heard(Answer::Host, address.ip()));
        }
    }
    Ok(None)
}

struct Probe {
    socket: UdpSocket,
}

impl Probe {
    fn open(address: SocketAddr, number: u32) -> nix::Result<Self> {
        let of_system = |error: std::io::Error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        let ttl = i32::try_from(number).map_err(|_| Errno::EINVAL)?;
        let family = Family::of(address.ip());
        let any: IpAddr = match family {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).map_err(of_system)?;
        match family {
            Family::V4 => {
                setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
                setsockopt(&socket, sockopt::Ipv4Ttl, &ttl)?;
            }
            Family::V6 => {
                setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
                setsockopt(&socket, sockopt::Ipv6Ttl, &ttl)?;
            }
        }
        socket.set_nonblocking(true).map_err(of_system)?;
        let mut target = address;
        target.set_port(
            FIRST_PORT
                .saturating_add(u16::try_from(number).unwrap_or(0))
                .saturating_sub(1),
        );
        socket.connect(target).map_err(of_system)?;
        Ok(Self { socket })
    }

    /// What the error queue holds about this probe, and who said it.
    fn error(&self) -> nix::Result<Option<(Answer, Option<IpAddr>)>> {
        let mut buffer = [0; 512];
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let mut space = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6, i32);
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let message =
            match recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), &mut slices, Some(&mut space), flags) {
                Ok(message) => message,
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
                Err(errno) => return Err(errno),
            };
        Ok(message.cmsgs()?.find_map(|part| {
            let (error, from) = match part {
                ControlMessageOwned::Ipv4RecvErr(error, from) => (error, from.and_then(address_v4)),
                ControlMessageOwned::Ipv6RecvErr(error, from) => (error, from.and_then(address_v6)),
                _ => return None,
            };
            let answer = answer(error.ee_origin, error.ee_type, error.ee_code)?;
            Some((answer, from))
        }))
    }
}

/// Nobody in particular when the error is this host's own.
fn address_v4(from: libc::sockaddr_in) -> Option<IpAddr> {
    let known = i32::from(from.sin_family) == libc::AF_INET;
    known.then(|| Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr)).into())
}

fn address_v6(from: libc::sockaddr_in6) -> Option<IpAddr> {
    let known = i32::from(from.sin6_family) == libc::AF_INET6;
    known.then(|| Ipv6Addr::from(from.sin6_addr.s6_addr).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_one_hop_away_over_ipv4_and_ipv6() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let mut heard = 0;
            let target: SocketAddr = address.parse().unwrap();
            let result = trace("here", &[target], 5, Duration::from_secs(5), &mut |_| heard += 1).unwrap();
            assert!(result.reached, "{result:?}");
            assert_eq!(heard, 1);
            assert_eq!(result.hops[0].address, Some(target.ip().to_string()));
            assert!(result.hops[0].time_us.is_some());
        }
    }
}
