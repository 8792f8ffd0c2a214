//! Addresses that nobody is led to by a name: link-local ones, and those of a cloud's metadata.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Answered by the machine's cloud, to whoever asks from it, with its credentials.
const SPECIAL: [&str; 7] = [
    "169.254.0.0/16",
    "fe80::/10",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
];

/// Networks that hold nothing which is meant to be reached by name.
pub fn special() -> Vec<Network> {
    SPECIAL.iter().filter_map(|text| Network::parse(text)).collect()
}

/// The link-local or metadata address that a request to this one may end at.
pub fn leads_to_special(address: IpAddr) -> Option<IpAddr> {
    let address = embedded(address);
    let networks = special();
    hidden(address)
        .into_iter()
        .chain([address])
        .find(|address| networks.iter().any(|network| network.contains(*address)))
}

/// The IPv4 address that an IPv6 one only wraps: mapped (RFC 4291), compatible, or behind NAT64 (RFC 6052).
pub fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let last = Ipv4Addr::from_bits(u32::try_from(v6.to_bits() & 0xffff_ffff).unwrap_or_default());
    let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
    let compatible = v6.to_bits() >> 32 == 0 && v6.to_bits() > 0xffff;
    if compatible || v6.to_ipv4_mapped().is_some() || v6.to_bits() >> 32 == nat64.to_bits() >> 32 {
        return last.into();
    }
    address
}

/// The IPv4 addresses to which a tunnel or a translator on the way may send what goes to an IPv6 one: 6to4 (RFC 3056),
/// and NAT64 with the prefix for local use (RFC 8215), in which each layout of RFC 6052 (2.2) may hold.
pub fn hidden(address: IpAddr) -> Vec<IpAddr> {
    let IpAddr::V6(v6) = address else {
        return Vec::new();
    };
    let bytes = v6.octets();
    let at = |places: [usize; 4]| IpAddr::from(places.map(|place| bytes[place]));
    match bytes {
        [0x20, 0x02, ..] => vec![at([2, 3, 4, 5])],
        [0x00, 0x64, 0xff, 0x9b, 0x00, 0x01, ..] => {
            [[6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12], [12, 13, 14, 15]]
                .map(at)
                .to_vec()
        }
        _ => Vec::new(),
    }
}

/// An address, or a network in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(most), |prefix| prefix.parse().ok())?;
        (prefix <= most).then_some(Self { address, prefix })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits())
                    .checked_shr(32 - self.prefix)
                    .unwrap_or(0)
                    == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits())
                    .checked_shr(128 - self.prefix)
                    .unwrap_or(0)
                    == 0
            }
            _ => false,
        }
    }

    /// Whether the other lies wholly within.
    pub fn covers(&self, other: &Self) -> bool {
        other.prefix >= self.prefix && self.contains(other.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_a_metadata_address_is_told_from_what_does_not() {
        for (address, special) in [
            ("169.254.169.254", true),
            ("::ffff:169.254.169.254", true),
            ("2002:a9fe:a9fe::1", true),
            ("fe80::1", true),
            ("127.0.0.1", false),
            ("10.0.0.1", false),
            ("::1", false),
        ] {
            let found = leads_to_special(address.parse().unwrap());
            assert_eq!(found.is_some(), special, "{address}");
        }
    }
}
