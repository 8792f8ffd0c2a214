//! Webhooks: programs elsewhere that are told, by signed requests in the form of the Standard Webhooks specification.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use postern_api::{
    Page,
    notify::{Delivery, Webhook, WebhookCreate, WebhookSaved, WebhookUpdate},
    secret::SecretText,
};
use postern_domain::{
    WebhookId,
    notify::Topic,
    permission::{Permission, Place},
};
use postern_protocol::{address::leads_to_special, seal::Secrets};
use postern_store::{
    Cursor, SortDirection, Tx, audit,
    jobs::Secret,
    notify::{self, SavedWebhook},
    tx,
};
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use zeroize::Zeroizing;

use super::{
    deliveries,
    failure::{callable, no_answer, why},
    mail::{Refused, Sent},
};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter},
        idempotency::{self, Key},
    },
    named::{self, json, taken},
    random,
    rooms::jobs::secrets,
};

const VIEW: Permission = Permission::WorkflowsView;
const MANAGE: Permission = Permission::SettingsManage;
const MAX_URL: usize = 2000;
const TIMEOUT: Duration = Duration::from_secs(10);
/// Under which the secret is kept.
const SIGNING: &str = "signing";
const SECRET_BYTES: usize = 32;
const PREFIX: &str = "whsec_";

// ---- sending

/// What requests to webhooks go out by.
#[derive(Debug, Clone)]
pub(crate) struct Sender(reqwest::Client);

impl Sender {
    pub(crate) fn new(extra_ca: Option<&str>) -> Result<Self> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(crate::tls::outbound(extra_ca)?)
            .timeout(TIMEOUT)
            // An answer that leads elsewhere is no receipt.
            .redirect(redirect::Policy::none())
            .dns_resolver(Arc::new(Guarded))
            .user_agent(concat!("Postern/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::Internal(format!("requests to webhooks: {error}")))?;
        Ok(Self(client))
    }
}

/// Names that lead to a link-local or metadata address lead nowhere.
struct Guarded;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let good = callable(name.as_str(), found.map(Iterator::collect))?;
            let addresses: Addrs = Box::new(good.into_iter());
            Ok(addresses)
        })
    }
}

pub(super) async fn send(app: &App, delivery: &notify::Delivery) -> Result<Sent> {
    let for_good = |reason: &str| Refused {
        reason: reason.to_owned(),
        for_good: true,
    };
    let Some(id) = delivery.webhook_id else {
        return Ok(Err(for_good("It names no webhook")));
    };
    let found = app
        .store
        .read::<_, Error, _>(tx!(tx => Ok(notify::webhook_find(tx, id).await?)))
        .await?;
    let webhook = match found {
        None => return Ok(Err(for_good("The webhook was deleted"))),
        Some(webhook) if !webhook.active => return Ok(Err(for_good("The webhook is switched off"))),
        Some(webhook) => webhook,
    };
    let message_id = format!("msg_{}", delivery.id);
    let sent_at = app.now().as_micros() / 1_000_000;
    let signature = signature(app, &webhook, &message_id, sent_at, &delivery.message)?;
    let answer = app
        .webhooks
        .0
        .post(&webhook.url)
        .header("content-type", "application/json")
        .header("webhook-id", message_id)
        .header("webhook-timestamp", sent_at.to_string())
        .header("webhook-signature", signature)
        .body(delivery.message.clone())
        .send()
        .await;
    let reason = match answer {
        Ok(answer) if answer.status().is_success() => return Ok(Ok(())),
        Ok(answer) => format!("It answered {}", answer.status()),
        Err(error) if error.is_timeout() => no_answer(TIMEOUT),
        Err(error) => why(&error.without_url(), &called(&webhook.url), TIMEOUT),
    };
    Ok(Err(Refused {
        reason,
        for_good: false,
    }))
}

/// Host and port of an address: what stands behind them may be a secret.
fn called(url: &str) -> String {
    let url = Url::parse(url).ok();
    let place = url
        .as_ref()
        .and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
    place.map_or_else(
        || "The receiver".to_owned(),
        |(host, port)| format!("{host}:{port}"),
    )
}

/// `v1,` and the HMAC-SHA-256 of id, time and body.
fn signature(app: &App, webhook: &notify::Webhook, id: &str, at: i64, body: &str) -> Result<String> {
    let kept = secrets::open(app, Some(&webhook.secret()))?;
    let missing = || Error::Internal(format!("the secret of webhook {} is damaged", webhook.id));
    let secret = kept.get(SIGNING).ok_or_else(missing)?;
    let key = secret
        .strip_prefix(PREFIX)
        .and_then(|text| STANDARD.decode(text).ok());
    let key = Zeroizing::new(key.ok_or_else(missing)?);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(tag.as_ref())))
}

/// A new secret: as it is shown once, and as it is kept.
fn draw(app: &App) -> Result<(SecretText, Secret)> {
    let text = Zeroizing::new(format!(
        "{PREFIX}{}",
        STANDARD.encode(random::bytes::<SECRET_BYTES>())
    ));
    let shown = SecretText::new(text.as_str());
    let kept = secrets::keep(app, &Secrets::from([(SIGNING.to_owned(), text)]))?;
    let kept = kept.ok_or_else(|| Error::Internal("a secret was not kept".into()))?;
    Ok((shown, kept))
}

// ---- for people

pub(super) async fn webhook_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Webhook>> {
    list.sort_by(&["name"], SortDirection::Ascending)?;
    if let Some((field, _)) = list.filters.first() {
        return Err(unknown_filter(field, "nothing; use search"));
    }
    let (reach, limit) = (caller.reach(VIEW), list.page.limit);
    let rows = app
        .store
        .scan::<_, Error, _>(tx!(tx => {
            Ok(notify::webhook_list(tx, &reach, list.search.as_deref(), &list.page).await?)
        }))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: row.name.clone(),
            id: row.id.0,
        },
        |row| webhook_of(caller, row),
    )
}

pub(super) async fn webhook_show(app: &App, caller: &Caller, id: WebhookId) -> Result<Webhook> {
    let caller = caller.clone();
    app.store
        .read(tx!(tx => {
            let row = find(tx, &caller, id, VIEW).await?;
            webhook_of(&caller, row)
        }))
        .await
}

pub(super) async fn webhook_create(
    app: &App,
    caller: &Caller,
    request: WebhookCreate,
    key: Key,
) -> Result<WebhookSaved> {
    let (now, author) = (app.now(), caller.clone());
    let place = Place::tenant(caller.tenant()?);
    caller.require(MANAGE, VIEW, place, || Error::Forbidden(MANAGE))?;
    let (shown, kept) = draw(app)?;
    let saved = saved_of(&request.name, &request.url, &request.topics, request.active, kept)?;
    let created = idempotency::create(
        app,
        caller,
        key,
        "webhook_create",
        &request,
        tx!(tx => {
            let name = saved.name.clone();
            let id = notify::webhook_create(tx, place.tenant, saved, &author.actor(), now)
                .await
                .map_err(|error| taken(error, "a webhook", &name))?;
            let webhook = webhook_of(&author, find(tx, &author, id, MANAGE).await?)?;
            let mut entry = author.entry(now, "webhook_create", format!("webhook:{id}"), place.tenant);
            entry.after = Some(json(&webhook)?);
            audit::append(tx, vec![entry]).await?;
            Ok(WebhookSaved { webhook, secret: Some(shown) })
        }),
    )
    .await?;
    Ok(created.0)
}

pub(super) async fn webhook_update(
    app: &App,
    caller: &Caller,
    id: WebhookId,
    request: WebhookUpdate,
) -> Result<WebhookSaved> {
    let (now, caller) = (app.now(), caller.clone());
    let drawn = if request.new_secret {
        Some(draw(app)?)
    } else {
        None
    };
    app.store
        .write::<_, Error, _>(tx!(tx => {
            let row = find(tx, &caller, id, MANAGE).await?;
            let before = webhook_of(&caller, row.clone())?;
            let (shown, kept) = match drawn {
                Some((shown, kept)) => (Some(shown), kept),
                None => (None, row.secret()),
            };
            let saved = saved_of(
                request.name.as_deref().unwrap_or(&row.name),
                request.url.as_deref().unwrap_or(&row.url),
                request.topics.as_deref().unwrap_or(&before.topics),
                request.active.unwrap_or(row.active),
                kept,
            )?;
            let name = saved.name.clone();
            notify::webhook_update(tx, id, saved, &caller.actor(), now)
                .await
                .map_err(|error| taken(error, "a webhook", &name))?;
            let webhook = webhook_of(&caller, find(tx, &caller, id, MANAGE).await?)?;
            let mut entry = caller.entry(now, "webhook_update", format!("webhook:{id}"), row.tenant_id);
            entry.before = Some(json(&before)?);
            entry.after = Some(json(&webhook)?);
            entry.reason = shown.is_some().then(|| "new secret".to_owned());
            audit::append(tx, vec![entry]).await?;
            Ok(WebhookSaved { webhook, secret: shown })
        }))
        .await
}

pub(super) async fn webhook_delete(app: &App, caller: &Caller, id: WebhookId) -> Result<()> {
    let (now, caller) = (app.now(), caller.clone());
    app.store
        .write(tx!(tx => {
            let row = find(tx, &caller, id, MANAGE).await?;
            notify::webhook_delete(tx, id, now).await?;
            let mut entry = caller.entry(now, "webhook_delete", format!("webhook:{id}"), row.tenant_id);
            entry.before = Some(json(&webhook_of(&caller, row)?)?);
            Ok(audit::append(tx, vec![entry]).await?)
        }))
        .await
}

pub(super) async fn webhook_test(app: &App, caller: &Caller, id: WebhookId) -> Result<Delivery> {
    let who = caller.clone();
    let row = app
        .store
        .read(tx!(tx => find(tx, &who, id, MANAGE).await))
        .await?;
    deliveries::test(
        app,
        caller,
        row.place(),
        format!("webhook:{}", row.name),
        "webhook_test",
    )
    .await
}

async fn find(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: WebhookId,
    needed: Permission,
) -> Result<notify::Webhook> {
    let missing = || Error::not_found("webhook", id);
    let row = notify::webhook_find(tx, id).await?.ok_or_else(missing)?;
    caller.require(needed, VIEW, row.place(), missing)?;
    Ok(row)
}

fn saved_of(name: &str, url: &str, topics: &[Topic], active: bool, secret: Secret) -> Result<SavedWebhook> {
    named::check(name, "webhooks")?;
    check_url(url).map_err(|problem| Error::invalid("url", problem))?;
    if let Some(topic) = topics.iter().find(|topic| !topic.can_be_subscribed()) {
        let problem = format!(
            "{} goes to those it is for, and cannot be asked for",
            topic.as_str()
        );
        return Err(Error::invalid("topics", problem));
    }
    let mut topics = topics.to_vec();
    topics.sort_by_key(|topic| topic.as_str());
    topics.dedup();
    Ok(SavedWebhook {
        name: name.to_owned(),
        url: url.to_owned(),
        topics: json(&topics)?,
        active,
        secret,
    })
}

fn check_url(text: &str) -> std::result::Result<(), String> {
    if text.len() > MAX_URL {
        return Err(format!("is longer than {MAX_URL} bytes"));
    }
    let url = Url::parse(text).map_err(|error| format!("is no address: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https:// or http://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or a password: the signature tells who sends".to_owned());
    }
    let host = url.host_str().unwrap_or_default();
    if let Ok(address) = host.trim_matches(['[', ']']).parse()
        && leads_to_special(address).is_some()
    {
        return Err(format!("leads to {address}, a link-local or metadata address"));
    }
    Ok(())
}

pub(super) fn topics_of(row: &notify::Webhook) -> Result<Vec<Topic>> {
    serde_json::from_str(&row.topics)
        .map_err(|error| Error::Internal(format!("webhook {} in the database: {error}", row.id)))
}

fn webhook_of(caller: &Caller, row: notify::Webhook) -> Result<Webhook> {
    Ok(Webhook {
        topics: topics_of(&row)?,
        url: caller.rights.allow(MANAGE, row.place()).then_some(row.url),
        id: row.id,
        name: row.name,
        active: row.active,
        created_at: row.created,
        created_by: row.created_by,
        updated_at: row.updated,
        updated_by: row.updated_by,
    })
}

#[cfg(test)]
mod tests {
    use super::{called, check_url};

    #[test]
    fn of_an_address_only_host_and_port_are_told() {
        for (url, told) in [
            (
                "https://hooks.example.org/T0KEN?key=T0KEN",
                "hooks.example.org:443",
            ),
            ("http://127.0.0.1:9/T0KEN", "127.0.0.1:9"),
            ("http://[::1]:9/", "[::1]:9"),
        ] {
            assert_eq!(called(url), told);
        }
    }

    #[test]
    fn addresses_of_webhooks_are_checked_when_they_are_saved() {
        for good in [
            "https://hooks.example.org/a/b?c=d",
            "http://127.0.0.1:8080/",
            "http://[::1]:1/x",
        ] {
            assert_eq!(check_url(good), Ok(()));
        }
        let long = format!("https://a.example/{}", "x".repeat(2000));
        for (bad, part) in [
            ("hooks.example.org", "no address"),
            ("ftp://hooks.example.org", "https://"),
            ("https://ada:secret@hooks.example.org", "password"),
            ("http://169.254.169.254/latest", "metadata"),
            ("http://[::ffff:169.254.169.254]/", "metadata"),
            ("http://2852039166/", "metadata"),
            (&long, "longer"),
        ] {
            let problem = check_url(bad).unwrap_err();
            assert!(problem.contains(part), "{bad}: {problem}");
        }
    }
}
