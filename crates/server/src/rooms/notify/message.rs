//! Messages as they are written down.

use postern_api::notify::{Message, MessageData};
use postern_domain::{
    DeliveryId, Timestamp, UserId,
    member::Member,
    notify::{Channel, Recipient, Topic},
    permission::Place,
};
use postern_store::{
    Tx, identity,
    notify::{self, NewDelivery},
};

use crate::{
    app::App,
    error::{Error, Result},
    named::json,
};

/// Characters of a title; longer ones are cut.
const MAX_TITLE: usize = 200;
/// Characters of a message; longer ones are cut.
const MAX_MESSAGE: usize = 16 * 1024;

/// What there is to tell.
#[derive(Debug, Clone)]
pub(crate) struct News {
    pub(crate) topic: Topic,
    pub(crate) place: Place,
    /// The page that shows more, behind the server's address.
    pub(crate) page: String,
    /// All but the address, which is made from the page.
    pub(crate) data: MessageData,
}

impl News {
    async fn to_webhook(
        &self,
        app: &App,
        tx: &mut Tx<'_>,
        webhook: notify::Webhook,
        now: Timestamp,
    ) -> Result<DeliveryId> {
        let to = (Channel::Webhook, Some(webhook.id), webhook.name);
        self.write(app, tx, to, now).await
    }

    async fn to_address(
        &self,
        app: &App,
        tx: &mut Tx<'_>,
        address: String,
        now: Timestamp,
    ) -> Result<DeliveryId> {
        self.write(app, tx, (Channel::Email, None, address), now).await
    }

    async fn write(
        &self,
        app: &App,
        tx: &mut Tx<'_>,
        (channel, webhook, recipient): (Channel, Option<postern_domain::WebhookId>, String),
        now: Timestamp,
    ) -> Result<DeliveryId> {
        let title = cut(&self.data.title, MAX_TITLE);
        let message = Message {
            topic: self.topic,
            timestamp: now,
            data: MessageData {
                title: title.clone(),
                message: self.data.message.as_deref().map(|text| cut(text, MAX_MESSAGE)),
                url: format!("{}{}", app.site.public_url, self.page),
                ..self.data.clone()
            },
        };
        let new = NewDelivery {
            place: self.place,
            channel,
            webhook,
            recipient,
            topic: self.topic,
            title,
            message: json(&message)?,
            instance: self.data.instance_id,
        };
        Ok(notify::delivery_create(tx, new, now).await?)
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Tells the webhooks that asked for it.
pub(crate) async fn tell(app: &App, tx: &mut Tx<'_>, news: &News, now: Timestamp) -> Result<()> {
    for webhook in notify::webhooks_active(tx, news.place.tenant).await? {
        if super::webhooks::topics_of(&webhook)?.contains(&news.topic) {
            news.to_webhook(app, tx, webhook, now).await?;
        }
    }
    Ok(())
}

/// Writes to those of these people who have an address, where the server can send e-mail.
pub(crate) async fn tell_people(
    app: &App,
    tx: &mut Tx<'_>,
    news: &News,
    people: &[UserId],
    now: Timestamp,
) -> Result<()> {
    if app.mail.is_none() {
        return Ok(());
    }
    for id in people {
        let user = identity::user_find(tx, *id).await?.filter(|user| user.active);
        if let Some(address) = user.and_then(|user| user.email) {
            news.to_address(app, tx, address, now).await?;
        }
    }
    Ok(())
}

/// Writes to everybody who is named; what cannot reach one of them is refused. Returns who they are, each with its
/// message.
pub(crate) async fn notify(
    app: &App,
    tx: &mut Tx<'_>,
    news: &News,
    to: &[String],
    now: Timestamp,
) -> Result<Vec<(String, DeliveryId)>> {
    let (mut addresses, mut webhooks) = (Vec::new(), Vec::new());
    for text in to {
        let recipient: Recipient = text.parse().map_err(|error| Error::invalid("to", error))?;
        match recipient {
            Recipient::Email(address) => addresses.push(address),
            Recipient::Webhook(name) => webhooks.push(webhook(tx, news.place, &name).await?),
            Recipient::Member(member) => addresses.extend(addresses_of(tx, news.place, member).await?),
        }
    }
    if !addresses.is_empty() && app.mail.is_none() {
        let message = "cannot be reached by e-mail: this server has no mail server, start it with POSTERN_SMTP_URL and POSTERN_SMTP_FROM";
        return Err(Error::invalid("to", message));
    }
    // Somebody who is named twice is told once.
    addresses.sort();
    addresses.dedup();
    webhooks.sort_by_key(|webhook| webhook.id);
    webhooks.dedup_by_key(|webhook| webhook.id);
    let mut told = Vec::new();
    for address in addresses {
        let id = news.to_address(app, tx, address.clone(), now).await?;
        told.push((address, id));
    }
    for webhook in webhooks {
        let name = format!("webhook {}", webhook.name);
        told.push((name, news.to_webhook(app, tx, webhook, now).await?));
    }
    Ok(told)
}

async fn webhook(tx: &mut Tx<'_>, place: Place, name: &str) -> Result<notify::Webhook> {
    let problem = match notify::webhook_by_name(tx, place.tenant, name).await? {
        Some(webhook) if webhook.active => return Ok(webhook),
        Some(_) => format!("names webhook {name:?}, which is switched off"),
        None => format!("names webhook {name:?}, which does not exist"),
    };
    Err(Error::invalid("to", problem))
}

async fn addresses_of(tx: &mut Tx<'_>, place: Place, member: Member) -> Result<Vec<String>> {
    let users = match member {
        Member::User(id) => vec![id],
        Member::Role(role) => identity::users_with(tx, place.tenant, role).await?,
    };
    let mut addresses = Vec::new();
    for id in users {
        let user = identity::user_find(tx, id).await?;
        let user = user.filter(|user| user.active && user.tenant_id == place.tenant);
        addresses.extend(user.and_then(|user| user.email));
    }
    if addresses.is_empty() {
        let message = match member {
            Member::User(_) => format!("names {member}, who does not exist or has no e-mail address"),
            Member::Role(_) => format!("names {member}: nobody who holds it has an e-mail address"),
        };
        return Err(Error::invalid("to", message));
    }
    Ok(addresses)
}
