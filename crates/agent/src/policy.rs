//! What the machine's owner allows.

use std::net::IpAddr;

#[derive(Debug, Default)]
pub(crate) struct Policy {
    pub(crate) http: HttpPolicy,
}

#[derive(Debug, Default)]
pub(crate) struct HttpPolicy {}

impl HttpPolicy {
    #[allow(clippy::unused_self, reason = "the real one has settings")]
    pub(crate) fn allows(&self, host: &str, address: IpAddr, _port: u16) -> Result<(), String> {
        let link_local = match address {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        if link_local {
            return Err(format!(
                "{host} is {address}, a link-local address: the policy of this host refuses it"
            ));
        }
        Ok(())
    }
}
