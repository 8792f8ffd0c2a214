//! Why something elsewhere did not take a message, in words for whoever looks into it. Of the errors of libraries, each
//! wrapped in the next, only the one that says what happened is told.

use std::{error::Error, io, net::SocketAddr, time::Duration};

use postern_protocol::address::leads_to_special;

/// Why a name leads nowhere.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NameError {
    #[error("The name {0} is not known here")]
    Unknown(String),
    #[error("The name {0} cannot be looked up: {1}")]
    Lookup(String, String),
    #[error("{0} leads to link-local or metadata addresses only")]
    Special(String),
}

/// Of the addresses that a name stands for those that may be called.
pub(super) fn callable(name: &str, found: io::Result<Vec<SocketAddr>>) -> Result<Vec<SocketAddr>, NameError> {
    let all = found.map_err(|error| {
        let text = error.to_string();
        let reason = text.rsplit(": ").next().unwrap_or(&text);
        NameError::Lookup(name.to_owned(), reason.to_owned())
    })?;
    if all.is_empty() {
        return Err(NameError::Unknown(name.to_owned()));
    }
    let good: Vec<SocketAddr> = all
        .into_iter()
        .filter(|address| leads_to_special(address.ip()).is_none())
        .collect();
    if good.is_empty() {
        return Err(NameError::Special(name.to_owned()));
    }
    Ok(good)
}

/// `to`: the host and the port that were called.
pub(super) fn why(error: &(dyn Error + 'static), to: &str, within: Duration) -> String {
    let mut layer = error;
    loop {
        if let Some(text) = told(layer, to, within) {
            return text;
        }
        match inside(layer) {
            Some(inner) => layer = inner,
            None => return format!("{to}: {layer}"),
        }
    }
}

pub(super) fn no_answer(within: Duration) -> String {
    format!("No answer within {} seconds", within.as_secs())
}

/// What happened, if this layer says it.
fn told(layer: &(dyn Error + 'static), to: &str, within: Duration) -> Option<String> {
    if let Some(name) = layer.downcast_ref::<NameError>() {
        return Some(name.to_string());
    }
    if let Some(tls) = layer.downcast_ref::<rustls::Error>() {
        return Some(format!("TLS: {tls}"));
    }
    match layer.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::ConnectionRefused => Some(format!("{to} refused the connection")),
        io::ErrorKind::TimedOut => Some(no_answer(within)),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Some(format!("There is no way to {to}"))
        }
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Some(format!("{to} closed the connection")),
        _ => None,
    }
}

fn inside<'a>(layer: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // The source of such an error is that of what it holds, which would be passed over.
    if let Some(held) = layer.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        let held: &(dyn Error + 'static) = held;
        return Some(held);
    }
    layer.source()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("client error (Connect)")]
    struct Wrapped(#[source] Box<dyn Error + Send + Sync>);

    fn why(inner: impl Into<Box<dyn Error + Send + Sync>>) -> String {
        super::why(&Wrapped(inner.into()), "web1:9", Duration::from_secs(10))
    }

    #[test]
    fn what_happened_is_told_without_the_layers_around_it() {
        for (kind, text) in [
            (io::ErrorKind::ConnectionRefused, "web1:9 refused the connection"),
            (io::ErrorKind::TimedOut, "No answer within 10 seconds"),
            (io::ErrorKind::NetworkUnreachable, "There is no way to web1:9"),
            (io::ErrorKind::ConnectionReset, "web1:9 closed the connection"),
        ] {
            assert_eq!(why(io::Error::from(kind)), text);
            assert_eq!(
                why(io::Error::other(io::Error::from(kind))),
                text,
                "held by another"
            );
        }
        let tls = rustls::Error::General("no trust".into());
        let held = io::Error::new(io::ErrorKind::InvalidData, tls);
        assert_eq!(why(io::Error::other(held)), "TLS: unexpected error: no trust");
        assert_eq!(
            why(NameError::Unknown("web1".into())),
            "The name web1 is not known here"
        );
        assert_eq!(
            why("the message was not complete"),
            "web1:9: the message was not complete"
        );
    }

    #[test]
    fn a_name_leads_to_what_may_be_called() {
        let address = |text: &str| -> SocketAddr { text.parse().unwrap() };
        let (good, special) = (address("192.0.2.1:0"), address("169.254.169.254:0"));
        assert_eq!(callable("a", Ok(vec![special, good])), Ok(vec![good]));
        assert_eq!(
            callable("a", Ok(vec![special])),
            Err(NameError::Special("a".into()))
        );
        assert_eq!(callable("a", Ok(Vec::new())), Err(NameError::Unknown("a".into())));
        let text = "failed to lookup address information: Temporary failure in name resolution";
        let refused = callable("a", Err(io::Error::other(text))).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "The name a cannot be looked up: Temporary failure in name resolution"
        );
    }
}
