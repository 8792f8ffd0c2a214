//! Where `http_request` and `http_check` may go.
//!
//! A name says nothing about where it leads, so the address is judged as well, each time one is connected to:
//! link-local and metadata addresses are refused unless the policy names the address itself.

use std::{net::IpAddr, path::Path};

use postern_protocol::address::{self, Network, embedded, hidden};
use serde::Deserialize;

use super::{matches, refusal};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    /// Names, with `*` for any characters; addresses; networks such as `10.0.0.0/8`.
    hosts: Option<Vec<String>>,
    ports: Option<Vec<u16>>,
}

#[derive(Debug)]
pub(crate) struct HttpPolicy {
    file: String,
    names: Vec<String>,
    networks: Vec<Network>,
    any_host: bool,
    ports: Option<Vec<u16>>,
    special: Vec<Network>,
}

impl Default for HttpPolicy {
    fn default() -> Self {
        Self::new(Rules::default(), Path::new("")).expect("no rule is wrong where there is none")
    }
}

impl HttpPolicy {
    pub(super) fn new(rules: Rules, file: &Path) -> Result<Self, String> {
        let any_host = rules.hosts.is_none();
        let (mut names, mut networks) = (Vec::new(), Vec::new());
        for host in rules.hosts.unwrap_or_default() {
            match Network::parse(&host) {
                Some(network) => networks.push(network),
                None if host.is_empty()
                    || host.contains(|c: char| {
                        !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '*'))
                    }) =>
                {
                    return Err(format!(
                        "http.hosts has '{host}': a name, an address or a network such as 10.0.0.0/8 was expected"
                    ));
                }
                None => names.push(plain(&host)),
            }
        }
        Ok(Self {
            file: file.display().to_string(),
            names,
            networks,
            any_host,
            ports: rules.ports,
            special: address::special(),
        })
    }

    /// Whether `host`, which led to this address, may be connected to; if not, why, for people.
    pub(crate) fn allows(&self, host: &str, address: IpAddr, port: u16) -> Result<(), String> {
        self.allows_port(port)?;
        let address = embedded(address);
        if let Some(special) = hidden(address)
            .into_iter()
            .chain([address])
            .find(|address| self.is_special(*address))
        {
            return Err(refusal(
                &format!(
                    "requests to {special}, a link-local or metadata address{}",
                    led_from(host, address)
                ),
                "http.hosts, which does not name it",
                &self.file,
            ));
        }
        let named = self.any_host || self.names(host);
        if named || self.networks.iter().any(|network| network.contains(address)) {
            return Ok(());
        }
        let what = format!("requests to {}", host_and(host, address));
        Err(refusal(&what, "http.hosts", &self.file))
    }

    /// Whether it may be reached only where the policy names it, and is not named.
    fn is_special(&self, address: IpAddr) -> bool {
        let named = |special: &Network| {
            self.networks
                .iter()
                .any(|network| special.covers(network) && network.contains(address))
        };
        self.special
            .iter()
            .any(|special| special.contains(address) && !named(special))
    }

    /// What can be said before anything is looked up; the rest is for [`Self::allows`].
    pub(super) fn allows_url(&self, url: &str) -> Result<(), String> {
        // What is no URL fails later with a better reason.
        let Ok(url) = reqwest::Url::parse(url) else {
            return Ok(());
        };
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Ok(());
        };
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            return self.allows(host, address, port);
        }
        self.allows_port(port)?;
        if self.any_host || self.names(host) || !self.networks.is_empty() {
            return Ok(());
        }
        Err(refusal(
            &format!("requests to '{host}'"),
            "http.hosts",
            &self.file,
        ))
    }

    fn allows_port(&self, port: u16) -> Result<(), String> {
        match &self.ports {
            Some(ports) if !ports.contains(&port) => Err(refusal(
                &format!("requests to port {port}"),
                "http.ports",
                &self.file,
            )),
            _ => Ok(()),
        }
    }

    fn names(&self, host: &str) -> bool {
        let host = plain(host);
        self.names.iter().any(|pattern| matches(pattern, &host))
    }
}

/// `Example.COM.` is `example.com`.
fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn led_from(host: &str, address: IpAddr) -> String {
    if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        String::new()
    } else {
        format!(" ('{host}' leads to {address})")
    }
}

fn host_and(host: &str, address: IpAddr) -> String {
    if led_from(host, address).is_empty() {
        address.to_string()
    } else {
        format!("'{host}' ({address})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> HttpPolicy {
        HttpPolicy::new(toml::from_str(text).unwrap(), Path::new("/policy.toml")).unwrap()
    }

    fn check(policy: &HttpPolicy, host: &str, address: &str, port: u16, allowed: bool) {
        let answer = policy.allows(host, address.parse().unwrap(), port);
        assert_eq!(answer.is_ok(), allowed, "{host} {address} {port}: {answer:?}");
        if let Err(reason) = answer {
            assert!(
                reason.contains("/policy.toml") && reason.contains("http."),
                "{reason}"
            );
        }
    }

    #[test]
    fn without_rules_all_but_link_local_and_metadata_addresses_are_allowed() {
        let none = policy("");
        check(&none, "a.example", "93.184.216.34", 8080, true);
        check(&none, "localhost", "127.0.0.1", 80, true);
        check(&none, "10.1.2.3", "10.1.2.3", 443, true);
        for address in [
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "2002:a9fe:a9fe:1:2:3:4:5",
            // 169.254.169.254 behind prefixes of 48, 56, 64 and 96 bits.
            "64:ff9b:1:a9fe:a9:fe00::",
            "64:ff9b:1:a9:fe:a9fe::",
            "64:ff9b:1:0:a9:fea9:fe00::",
            "64:ff9b:1::169.254.169.254",
        ] {
            check(&none, "rebound.example", address, 80, false);
            check(&none, address, address, 80, false);
        }
        for address in [
            "::1",
            "2002:a9ff:1::1",
            "64:ff9b:1::10.0.0.1",
            "64:ff9b:2::169.254.169.254",
        ] {
            check(&none, address, address, 80, true);
        }
    }

    #[test]
    fn an_address_that_hides_another_is_allowed_by_its_own_network_alone() {
        let inner = policy("hosts = ['10.0.0.0/8']");
        check(&inner, "a.example", "64:ff9b::10.0.0.1", 80, true);
        check(&inner, "a.example", "2002:a00:1::1", 80, false);
        check(&inner, "a.example", "64:ff9b:1::10.0.0.1", 80, false);
        let outer = policy("hosts = ['2002::/16', '64:ff9b:1::/48']");
        check(&outer, "a.example", "2002:a00:1::1", 80, true);
        check(&outer, "a.example", "64:ff9b:1::10.0.0.1", 80, true);
        check(&outer, "a.example", "2002:a9fe:a9fe::1", 80, false);
        let named = policy("hosts = ['2002::/16', '169.254.169.254']");
        check(&named, "a.example", "2002:a9fe:a9fe::1", 80, true);
    }

    #[test]
    fn a_special_address_is_allowed_only_where_it_is_named_itself() {
        let all = policy("hosts = ['*', '0.0.0.0/0', '::/0']");
        check(&all, "metadata", "169.254.169.254", 80, false);
        check(&all, "a.example", "10.0.0.1", 80, true);
        let named = policy("hosts = ['169.254.169.254', 'fe80::/64']");
        check(&named, "metadata", "169.254.169.254", 80, true);
        check(&named, "metadata", "169.254.169.253", 80, false);
        check(&named, "fe80::1", "fe80::1", 80, true);
        check(&named, "fe80:1::1", "fe80:1::1", 80, false);
    }

    #[test]
    fn names_networks_and_ports_bound_where_requests_go() {
        let some = policy("hosts = ['API.example.com', '*.internal', '10.0.0.0/8']\nports = [443]");
        check(&some, "api.EXAMPLE.com.", "203.0.113.1", 443, true);
        check(&some, "x.y.internal", "203.0.113.1", 443, true);
        check(&some, "other.example.com", "203.0.113.1", 443, false);
        check(&some, "internal", "203.0.113.1", 443, false);
        check(&some, "anything", "10.9.9.9", 443, true);
        check(&some, "anything", "11.0.0.1", 443, false);
        check(&some, "api.example.com", "203.0.113.1", 80, false);
        check(
            &policy("hosts = []"),
            "api.example.com",
            "203.0.113.1",
            443,
            false,
        );
    }

    #[test]
    fn what_is_neither_name_nor_network_is_no_policy() {
        for wrong in ["10.0.0.0/33", "a b", "http://x", "", "fe80::/129"] {
            let rules = Rules {
                hosts: Some(vec![wrong.into()]),
                ports: None,
            };
            assert!(HttpPolicy::new(rules, Path::new("/p")).is_err(), "{wrong}");
        }
    }
}
