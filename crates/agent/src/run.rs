//! `postern-agent run`: from settings to the endless check-in, and out again on a signal.

use std::{
    fs::{File, TryLockError},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use nix::{
    errno::Errno,
    sys::wait::{WaitPidFlag, WaitStatus, waitpid},
};
use postern_protocol::{keys::PublicKey, seal::SealingKey};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    api::{self, Api},
    attempts::{self, Attempts},
    checkin::Checkin,
    clock::Clock,
    config::{CgroupChoice, Config},
    durable, enroll, facts,
    fence::Fence,
    identity::{self, Identity, token_sha256},
    journal::Journal,
    number::Numbers,
    platform::{self, Cgroup},
    policy, tls,
};

/// Something a person must change before a next start can succeed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NeedsAPerson(String);

fn needs_a_person(text: impl Into<String>) -> anyhow::Error {
    NeedsAPerson(text.into()).into()
}

/// `Ok` after a request to stop.
pub(crate) fn run(mut config: Config) -> anyhow::Result<()> {
    // Shims start elsewhere: they must find it from there.
    config.data = std::path::absolute(&config.data)?;
    if let policy::Source(Some(path)) = &mut config.policy {
        *path = std::path::absolute(&path)?;
    }
    config.policy.load()?;
    let data = config.data.clone();
    durable::private_directory(&data).with_context(|| {
        format!(
            "the data folder {} cannot be made: choose another with --data",
            data.display()
        )
    })?;
    let _lock = lock(&data)?;
    #[cfg(feature = "failpoints")]
    crate::failpoint::arm(crate::config::failpoint(), &data);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let reaper = tokio::spawn(reap(signal(SignalKind::child())?));
        let result = tokio::select! {
            result = serve(config) => result,
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
        };
        reaper.abort();
        result
    });
    if result.is_ok() {
        tracing::info!("stopped; running jobs go on and are picked up at the next start");
    }
    runtime.shutdown_background();
    result
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let data = config.data.as_path();
    let clock = Arc::new(Clock::default());
    let stored = Identity::load(data)?;
    let sealing = match stored.as_ref().map(Identity::sealing_key).transpose()?.flatten() {
        Some(key) => key,
        None => SealingKey::generate()?,
    };
    let facts = facts::facts(config.slots, sealing.public());
    let boot_id = platform::boot_id();
    let host = enroll::Host {
        data,
        facts: &facts,
        sealing: &sealing,
    };
    let identity = identify(&config, stored, &host, &clock).await?;
    tracing::info!(
        agent = identity.agent_id,
        name = identity.agent_name,
        server = identity.server,
        "starting"
    );
    let api = Arc::new(Api::new(
        identity.server.clone(),
        tls::pinned(&identity.ca).context("the stored certificate authority is damaged: enrol again")?,
        identity.signing_key()?,
        Some(identity.credential.clone()),
    )?);
    let in_data = |path: &Path| format!("{} cannot be used: check the data folder", path.display());
    let fence_path = data.join("fence");
    let number_path = data.join("checkin-number");
    let attempts = Arc::new(Attempts::new(
        api.clone(),
        clock.clone(),
        Journal::open(data, &boot_id).with_context(|| in_data(data))?,
        Fence::open(&fence_path, &boot_id).with_context(|| in_data(&fence_path))?,
        attempts::Settings {
            agent_id: identity.agent_id,
            order_key: PublicKey::parse(&identity.order_key)?,
            slots: config.slots,
            cgroup_root: cgroup_root(&config.cgroup)?,
            cgroup_prefix: format!("postern-{}", &identity.signing_key()?.public().thumbprint()[..8]),
            policy: config.policy.clone(),
        },
    ));
    attempts.recover().with_context(|| in_data(data))?;
    let checkin = Checkin {
        data: data.to_owned(),
        identity,
        api,
        clock,
        attempts,
        numbers: Numbers::open(number_path.clone()).with_context(|| in_data(&number_path))?,
        facts,
    };
    checkin.run().await;
    Ok(())
}

/// The stored identity, or a new one when there is none or another token is given.
async fn identify(
    config: &Config,
    stored: Option<Identity>,
    host: &enroll::Host<'_>,
    clock: &Clock,
) -> anyhow::Result<Identity> {
    let data = config.data.as_path();
    let server = config
        .server
        .as_deref()
        .map(api::server_address)
        .transpose()
        .map_err(|reason| needs_a_person(format!("--server: {reason}")))?;
    let token = config.token.as_deref().filter(|token| {
        stored
            .as_ref()
            .is_none_or(|identity| identity.token_sha256 != token_sha256(token))
    });
    match (token, stored) {
        (None, Some(mut identity)) => {
            // Another address of the same server: its CA stays pinned.
            let moved = server.filter(|server| *server != identity.server);
            if moved.is_some() || identity.sealing.is_none() {
                identity.server = moved.unwrap_or(identity.server);
                identity.sealing = Some(host.sealing.to_bytes().to_vec());
                identity.store(data)?;
            }
            Ok(identity)
        }
        (None, None) => Err(needs_a_person(
            "this agent has not joined a server yet: give --server and --token as shown when the agent was created",
        )),
        (Some(token), stored) => {
            let known = stored.as_ref().map(|identity| identity.server.clone());
            let Some(server) = server.or(known) else {
                return Err(needs_a_person(
                    "--server is missing: give the address that was shown with the token",
                ));
            };
            let identity = enroll::enroll(host, &server, token, clock).await?;
            let same = |old: &Identity| old.agent_id == identity.agent_id && old.ca == identity.ca;
            if stored.as_ref().is_some_and(|old| !same(old)) {
                start_afresh(data)?;
            }
            identity.store(data)?;
            identity::enrolling_done(data);
            tracing::info!(agent = identity.agent_id, name = identity.agent_name, "enrolled");
            Ok(identity)
        }
    }
}

/// As another agent, or of another server: what the old one held is of no use to the new one.
fn start_afresh(data: &Path) -> anyhow::Result<()> {
    for name in ["attempts", "fence"] {
        let path = data.join(name);
        let result = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        match result {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{} cannot be removed", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn cgroup_root(choice: &CgroupChoice) -> anyhow::Result<Option<std::path::PathBuf>> {
    match choice {
        CgroupChoice::Off => Ok(None),
        CgroupChoice::Own => Ok(Cgroup::own_root()),
        CgroupChoice::Under(path) if path.join("cgroup.procs").exists() => {
            Ok(Some(std::path::absolute(path)?))
        }
        CgroupChoice::Under(path) => Err(needs_a_person(format!(
            "--cgroup: {} is not a folder of cgroup v2",
            path.display()
        ))),
    }
}

/// Two agents on one data folder would look like a copied machine.
fn lock(data: &Path) -> anyhow::Result<File> {
    let path = data.join("lock");
    let file = durable::private(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(needs_a_person(format!(
            "another postern-agent runs on {}: stop it first, or give this one its own folder with --data",
            data.display()
        ))),
        Err(TryLockError::Error(error)) => Err(error).context("the data folder cannot be locked"),
    }
}

/// Shims are never waited for: how a job ended is in their words. In a container this process is also the first
/// one, to which all orphans come.
async fn reap(mut children: Signal) {
    while children.recv().await.is_some() {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => break,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
    }
}
