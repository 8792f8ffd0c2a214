//! Messages on their way, for people: what became of them, and once more.

use postern_api::{
    Page,
    notify::{Delivery, DeliveryDetail, Mail, MailTest, MessageData},
};
use postern_domain::{
    DeliveryId,
    notify::{Channel, DeliveryState, Topic, check_email},
    permission::{Permission, Place},
};
use postern_store::{Cursor, SortDirection, Tx, audit, notify, tx};

use super::message::{News, notify as send};
use crate::{
    app::App,
    error::{Error, Result},
    http::{
        Caller,
        extract::{List, page_of, unknown_filter, words},
    },
};

const VIEW: Permission = Permission::WorkflowsView;
const MANAGE: Permission = Permission::WorkflowsManage;

pub(super) async fn delivery_list(app: &App, caller: &Caller, mut list: List) -> Result<Page<Delivery>> {
    list.sort_by(&["id"], SortDirection::Descending)?;
    let mut filter = notify::DeliveryFilter {
        search: list.search.clone(),
        ..Default::default()
    };
    for (field, values) in &list.filters {
        match field.as_str() {
            "state" => {
                filter.states = words(field, values, |word| {
                    DeliveryState::ALL
                        .iter()
                        .copied()
                        .find(|one| one.as_str() == word)
                })?;
            }
            "channel" => {
                filter.channels = words(field, values, |word| {
                    Channel::ALL.iter().copied().find(|one| one.as_str() == word)
                })?;
            }
            "topic" => {
                filter.topics = words(field, values, |word| {
                    Topic::ALL.iter().copied().find(|one| one.as_str() == word)
                })?;
            }
            "instance" => filter.instances = words(field, values, |word| word.parse().ok())?,
            _ => return Err(unknown_filter(field, "state, channel, topic, instance")),
        }
    }
    let (reach, page, limit) = (caller.reach(VIEW), list.page.clone(), list.page.limit);
    let rows = app
        .store
        .scan::<_, Error, _>(tx!(tx => Ok(notify::delivery_list(tx, &reach, &filter, &page).await?)))
        .await?;
    page_of(
        rows,
        limit,
        |row| Cursor {
            key: String::new(),
            id: row.id.0,
        },
        |row| Ok(delivery_of(row)),
    )
}

pub(super) async fn delivery_show(app: &App, caller: &Caller, id: DeliveryId) -> Result<DeliveryDetail> {
    let caller = caller.clone();
    app.store
        .read(tx!(tx => {
            let row = find(tx, &caller, id, VIEW).await?;
            let message = serde_json::from_str(&row.message)
                .map_err(|error| Error::Internal(format!("delivery {id} in the database: {error}")))?;
            Ok(DeliveryDetail { delivery: delivery_of(row), message })
        }))
        .await
}

/// Sends one that was given up, or does not wait any longer for its next try.
pub(super) async fn delivery_retry(app: &App, caller: &Caller, id: DeliveryId) -> Result<Delivery> {
    let (now, caller) = (app.now(), caller.clone());
    let delivery = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let row = find(tx, &caller, id, MANAGE).await?;
            if row.state == DeliveryState::Delivered {
                let detail = format!("Delivery {id} has arrived. Nothing is sent twice.");
                return Err(Error::conflict("delivered", detail));
            }
            notify::delivery_again(tx, id, now).await?;
            let mut entry = caller.entry(now, "delivery_retry", format!("delivery:{id}"), row.tenant_id);
            entry.before = Some(
                serde_json::json!({"state": row.state, "attempts": row.attempts, "error": row.error}).to_string(),
            );
            audit::append(tx, vec![entry]).await?;
            Ok(delivery_of(find(tx, &caller, id, MANAGE).await?))
        }))
        .await?;
    app.deliveries.notify_one();
    Ok(delivery)
}

pub(super) fn mail_show(app: &App) -> Mail {
    Mail {
        configured: app.mail.is_some(),
        from: app.mail.as_ref().map(super::mail::Mail::from),
    }
}

pub(super) async fn mail_test(app: &App, caller: &Caller, request: MailTest) -> Result<Delivery> {
    check_email(&request.to).map_err(|error| Error::invalid("to", error))?;
    let place = Place::tenant(caller.tenant()?);
    test(app, caller, place, format!("email:{}", request.to), "mail_test").await
}

/// One message that says nothing, to see whether it arrives.
pub(super) async fn test(
    app: &App,
    caller: &Caller,
    place: Place,
    to: String,
    action: &'static str,
) -> Result<Delivery> {
    let (now, caller, inner) = (app.now(), caller.clone(), app.clone());
    caller.require(Permission::SettingsManage, VIEW, place, || {
        Error::Forbidden(Permission::SettingsManage)
    })?;
    let news = News {
        topic: Topic::Test,
        place,
        page: "/notifications".into(),
        data: MessageData {
            title: "A test message of Postern".to_owned(),
            message: Some(format!("{} tries whether messages arrive.", caller.actor())),
            ..Default::default()
        },
    };
    let delivery = app
        .store
        .write::<_, Error, _>(tx!(tx => {
            let made = send(&inner, tx, &news, std::slice::from_ref(&to), now).await?;
            let id = made.first().map(|(_, id)| *id);
            let id = id.ok_or_else(|| Error::Internal("a test message to nobody".into()))?;
            let mut entry = caller.entry(now, action, format!("delivery:{id}"), place.tenant);
            entry.after = Some(serde_json::json!({"to": to}).to_string());
            audit::append(tx, vec![entry]).await?;
            Ok(delivery_of(find(tx, &caller, id, VIEW).await?))
        }))
        .await?;
    app.deliveries.notify_one();
    Ok(delivery)
}

async fn find(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: DeliveryId,
    needed: Permission,
) -> Result<notify::Delivery> {
    let missing = || Error::not_found("delivery", id);
    let row = notify::delivery_find(tx, id).await?.ok_or_else(missing)?;
    caller.require(needed, VIEW, row.place(), missing)?;
    Ok(row)
}

fn delivery_of(row: notify::Delivery) -> Delivery {
    Delivery {
        id: row.id,
        organization_id: row.organization_id,
        department_id: row.department_id,
        channel: row.channel,
        recipient: row.recipient,
        topic: row.topic,
        title: row.title,
        state: row.state,
        attempts: row.attempts,
        next_at: (row.state == DeliveryState::Waiting).then_some(row.next),
        error: row.error,
        instance_id: row.instance_id,
        created_at: row.created,
        ended_at: row.ended,
    }
}
