//! The secrets of an attempt: opened with the agent's own key, where and when they are used, and nowhere kept.

use std::path::Path;

use postern_protocol::{
    limits::SECRETS_BYTES,
    order::Order,
    payload::{JobPayload, check_value},
    seal::Secrets,
};

use crate::identity::Identity;

/// Opens what the order carries; refuses when anything is missing, as half of it would be worse than none.
pub(crate) fn open(dir: &Path, order: &Order) -> Result<Secrets, String> {
    let named = order.work.secrets();
    let Some(sealed) = &order.secrets else {
        return match named.first() {
            None => Ok(Secrets::new()),
            Some(name) => Err(missing(name)),
        };
    };
    let data = dir.parent().and_then(Path::parent);
    let identity = data
        .map(Identity::load)
        .transpose()
        .map_err(|error| format!("the order's secrets cannot be opened: {error}"))?
        .flatten();
    let key = identity
        .and_then(|identity| identity.sealing_key().transpose())
        .transpose()
        .map_err(|error| format!("the order's secrets cannot be opened: {error}"))?
        .ok_or("the order's secrets cannot be opened: this agent has no sealing key; start it again")?;
    let secrets = key
        .open(sealed, order.agent_id, order.attempt_id)
        .map_err(|error| {
            format!("the order's secrets cannot be opened: {error}; retry the job, which seals them anew")
        })?;
    if let Some(name) = named.iter().find(|name| !secrets.contains_key(**name)) {
        return Err(missing(name));
    }
    if secrets.values().map(|value| value.len()).sum::<usize>() > SECRETS_BYTES {
        return Err(format!(
            "the secrets of this job are longer than {SECRETS_BYTES} bytes together"
        ));
    }
    if matches!(order.work, JobPayload::Script(_)) {
        for (name, value) in &secrets {
            check_value(&format!("secret '{name}'"), value).map_err(|error| error.to_string())?;
        }
    }
    Ok(secrets)
}

fn missing(name: &str) -> String {
    format!("the secret '{name}' did not come with the order: give it and run the job again")
}
