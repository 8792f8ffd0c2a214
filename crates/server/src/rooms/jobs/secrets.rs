//! Secrets of jobs: sealed with the master key while they wait, sealed to one agent and attempt when they go.

use std::collections::BTreeMap;

use postern_api::secret::SecretText;
use postern_domain::{AgentId, AttemptId};
use postern_protocol::{
    limits::SECRETS_BYTES,
    payload::{JobPayload, PASSWORD, check_value},
    seal::{self, SealedSecrets, Secrets},
};
use postern_store::jobs::Secret;
use zeroize::Zeroizing;

use crate::{
    app::App,
    error::{Error, Result},
    random,
};

/// Letters and digits that cannot be mistaken for each other.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// About 139 bits.
const PASSWORD_LENGTH: usize = 24;

/// As they came with a request.
pub(crate) fn given(values: &BTreeMap<String, SecretText>) -> Secrets {
    values
        .iter()
        .map(|(name, value)| (name.clone(), Zeroizing::new(value.reveal().to_owned())))
        .collect()
}

/// Every secret the work names, and no other. A password that nobody gave is drawn, and returned to be shown once.
pub(super) fn complete(work: &JobPayload, secrets: &mut Secrets) -> Result<Option<Zeroizing<String>>> {
    let mut drawn = None;
    let wanted = work.secrets();
    for name in &wanted {
        if secrets.contains_key(*name) {
            continue;
        }
        if draws(work, secrets) {
            let password = password();
            secrets.insert((*name).to_owned(), password.clone());
            drawn = Some(password);
        } else {
            return Err(Error::invalid(
                format!("secrets.{name}"),
                "is missing: give its value",
            ));
        }
    }
    for (name, value) in secrets.iter() {
        let field = format!("secrets.{name}");
        if !wanted.contains(&name.as_str()) {
            return Err(Error::invalid(field, unwanted(work)));
        }
        check_value(&field, value).map_err(|error| Error::invalid(error.field, error.problem))?;
        if value.is_empty() {
            return Err(Error::invalid(field, "is empty"));
        }
        if name == PASSWORD && value.contains(['\n', '\r', ':']) {
            return Err(Error::invalid(field, "must not contain ':' or an end of line"));
        }
    }
    if secrets.values().map(|value| value.len()).sum::<usize>() > SECRETS_BYTES {
        let message = format!("are longer than {SECRETS_BYTES} bytes together");
        return Err(Error::invalid("secrets", message));
    }
    Ok(drawn)
}

/// Why work has no use for a secret that it does not name.
fn unwanted(work: &JobPayload) -> String {
    match work {
        JobPayload::Script(_) => {
            "is not a secret that the script names: remove it, or name it among the script's".to_owned()
        }
        JobPayload::HttpRequest(_) => {
            "is in no header of the request: remove it, or put it in one".to_owned()
        }
        JobPayload::UserControl(_) => {
            format!("has no use: only a password that is set is taken, as '{PASSWORD}'")
        }
        _ => format!(
            "has no use: a job of type {} takes no secrets; run a script, which finds them in its environment",
            work.kind().as_str()
        ),
    }
}

/// Whether it takes a password that is not among these, and one is drawn.
pub(crate) fn draws(work: &JobPayload, secrets: &Secrets) -> bool {
    matches!(work, JobPayload::UserControl(user) if user.takes_password()) && !secrets.contains_key(PASSWORD)
}

fn password() -> Zeroizing<String> {
    let letter = |_| {
        let index = random::below(ALPHABET.len() as u64);
        char::from(ALPHABET[usize::try_from(index).unwrap_or_default()])
    };
    Zeroizing::new((0..PASSWORD_LENGTH).map(letter).collect())
}

/// For the database; `None` when there are none.
pub(crate) fn keep(app: &App, secrets: &Secrets) -> Result<Option<Secret>> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let place = format!("secrets {}", random::identifier());
    let sealed = app.master.seal(&place, &seal::encode(secrets))?;
    Ok(Some(Secret { place, sealed }))
}

/// What `keep` made.
pub(crate) fn open(app: &App, kept: Option<&Secret>) -> Result<Secrets> {
    let Some(kept) = kept else {
        return Ok(Secrets::new());
    };
    let plain = app.master.open(&kept.place, &kept.sealed)?;
    seal::decode(&plain).ok_or_else(|| Error::Internal(format!("{} are damaged", kept.place)))
}

/// For one attempt of the agent that told this key. An order without what it names is refused by the agent, which says
/// so; so nothing here fails for a key that is not there.
pub(super) fn for_attempt(
    app: &App,
    kept: &Secret,
    key: Option<&str>,
    agent: AgentId,
    attempt: AttemptId,
) -> Result<Option<SealedSecrets>> {
    let Some(key) = key else { return Ok(None) };
    let secrets = open(app, Some(kept))?;
    Ok(seal::seal(&secrets, key, agent.0, attempt.0).ok())
}
