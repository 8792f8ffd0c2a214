//! Echo requests and replies, and what an error on the way means (RFC 792, RFC 4443).
//!
//! Reads bytes that anybody may have sent: whatever is not a reply to this very request is nothing.

use std::net::IpAddr;

const HEADER: usize = 8;
/// Where the kernel says an error comes from (`linux/errqueue.h`).
const ORIGIN_ICMP: u8 = 2;
const ORIGIN_ICMP6: u8 = 3;

/// What tells our replies from those of others: on a raw socket everybody's arrive.
#[derive(Debug, Clone)]
pub(super) struct Echo {
    pub(super) identifier: u16,
    pub(super) sequence: u16,
    pub(super) token: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl Echo {
    /// The checksum of IPv6 covers addresses that only the kernel knows: it fills it in.
    pub(super) fn request(&self, family: Family) -> Vec<u8> {
        let kind = match family {
            Family::V4 => 8,
            Family::V6 => 128,
        };
        let mut packet = vec![kind, 0, 0, 0];
        packet.extend(self.identifier.to_be_bytes());
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(&self.token);
        if family == Family::V4 {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }

    /// Whether this packet, without an IP header, answers the request. The kernel draws the identifier of a
    /// datagram socket itself and checks it, so there only sequence and token count.
    pub(super) fn is_answered_by(&self, packet: &[u8], family: Family, identifier: Identifier) -> bool {
        let kind = match family {
            Family::V4 => 0,
            Family::V6 => 129,
        };
        let Some((header, token)) = packet.split_first_chunk::<HEADER>() else {
            return false;
        };
        header[0] == kind
            && header[1] == 0
            && (identifier == Identifier::OfKernel || header[4..6] == self.identifier.to_be_bytes())
            && header[6..8] == self.sequence.to_be_bytes()
            && token == self.token
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identifier {
    Ours,
    OfKernel,
}

/// A raw socket of IPv4 gives the IP header as well.
pub(super) fn without_ip_header(packet: &[u8]) -> &[u8] {
    let words = packet.first().map_or(0, |first| usize::from(first & 0x0f));
    packet.get(words * 4..).unwrap_or_default()
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// What an error says about a probe that was sent with a small TTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// A router on the way.
    Hop,
    /// The host itself: its port is closed.
    Host,
    /// Nobody behind this one will answer.
    Unreachable,
}

/// Of an entry of the error queue: its origin, the ICMP type and code.
pub(super) fn answer(origin: u8, kind: u8, code: u8) -> Option<Answer> {
    match (origin, kind, code) {
        (ORIGIN_ICMP, 11, 0) | (ORIGIN_ICMP6, 3, 0) => Some(Answer::Hop),
        (ORIGIN_ICMP, 3, 3) | (ORIGIN_ICMP6, 1, 4) => Some(Answer::Host),
        (ORIGIN_ICMP, 3, _) | (ORIGIN_ICMP6, 1, _) => Some(Answer::Unreachable),
        // The host itself could not send: no neighbour, no route.
        (1, ..) => Some(Answer::Unreachable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn echo() -> Echo {
        Echo {
            identifier: 7,
            sequence: 3,
            token: b"token".to_vec(),
        }
    }

    fn reply(family: Family) -> Vec<u8> {
        let mut packet = echo().request(family);
        packet[0] = if family == Family::V4 { 0 } else { 129 };
        packet
    }

    #[test]
    fn a_reply_answers_its_own_request_only() {
        for family in [Family::V4, Family::V6] {
            let good = reply(family);
            assert!(echo().is_answered_by(&good, family, Identifier::Ours));
            for (at, wrong) in [(0, 8), (1, 1), (5, 8), (7, 4), (9, b'x')] {
                let mut packet = good.clone();
                packet[at] = wrong;
                assert!(
                    !echo().is_answered_by(&packet, family, Identifier::Ours),
                    "byte {at}"
                );
            }
            assert!(!echo().is_answered_by(&good[..12], family, Identifier::Ours));
        }
    }

    #[test]
    fn the_kernels_own_identifier_is_not_compared() {
        let mut packet = reply(Family::V4);
        packet[5] = 99;
        assert!(echo().is_answered_by(&packet, Family::V4, Identifier::OfKernel));
    }

    #[test]
    fn a_packet_with_its_checksum_sums_to_nothing() {
        assert_eq!(checksum(&echo().request(Family::V4)), 0);
        assert_eq!(checksum(&[0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7]), 0x220d);
    }

    #[test]
    fn errors_on_the_way_are_told_apart() {
        for (origin, kind, code, expected) in [
            (2, 11, 0, Some(Answer::Hop)),
            (3, 3, 0, Some(Answer::Hop)),
            (2, 3, 3, Some(Answer::Host)),
            (3, 1, 4, Some(Answer::Host)),
            (2, 3, 1, Some(Answer::Unreachable)),
            (3, 1, 0, Some(Answer::Unreachable)),
            (1, 0, 0, Some(Answer::Unreachable)),
            (2, 5, 0, None),
            (2, 11, 1, None),
        ] {
            assert_eq!(answer(origin, kind, code), expected, "{origin} {kind} {code}");
        }
    }

    proptest! {
        #[test]
        fn no_packet_makes_it_panic(
            packet in prop::collection::vec(any::<u8>(), 0..100),
            origin in any::<u8>(), kind in any::<u8>(), code in any::<u8>(),
        ) {
            for family in [Family::V4, Family::V6] {
                let _ = echo().is_answered_by(without_ip_header(&packet), family, Identifier::Ours);
                let _ = echo().is_answered_by(&packet, family, Identifier::OfKernel);
            }
            let _ = checksum(&packet);
            let _ = answer(origin, kind, code);
        }

        #[test]
        fn a_reply_is_found_behind_any_ip_header(words in 5_u8..16, filler in any::<u8>()) {
            let mut packet = vec![filler; usize::from(words) * 4];
            packet[0] = 0x40 | words;
            packet.extend(reply(Family::V4));
            prop_assert!(echo().is_answered_by(without_ip_header(&packet), Family::V4, Identifier::Ours));
        }
    }
}
