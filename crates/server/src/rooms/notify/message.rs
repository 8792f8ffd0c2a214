//! Messages as they are written down.

use postern_api::notify::{Message, MessageData};
use postern_domain::{
    DeliveryId, Timestamp, UserId,
    member::Member,
    notify::{Channel, Recipient, Topic},
    permission::{Permission, Place},
};
use postern_store::{
    Tx, identity,
    notify::{self, NewDelivery},
};

use crate::{
    app::App,
    error::{Error, Result},
    http::caller_of,
    named::{cut, json},
};

/// It takes this to see what messages tell of. Users who may not are not written to.
const VIEW: Permission = Permission::WorkflowsView;
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

/// Tells the webhooks that asked for it.
pub(crate) async fn tell(app: &App, tx: &mut Tx<'_>, news: &News, now: Timestamp) -> Result<()> {
    for webhook in notify::webhooks_active(tx, news.place.tenant).await? {
        if super::webhooks::topics_of(&webhook)?.contains(&news.topic) {
            news.to_webhook(app, tx, webhook, now).await?;
        }
    }
    Ok(())
}

/// Writes to those of these people who have an address and may still see what it is about, where the server can send
/// e-mail.
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
        if let Some(address) = address_of(tx, *id, Member::User(*id), news.place).await? {
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

/// Of those who are meant at this place and may see it. Who may not see it is refused like one who is not there.
async fn addresses_of(tx: &mut Tx<'_>, place: Place, member: Member) -> Result<Vec<String>> {
    let users = match member {
        Member::User(id) => vec![id],
        Member::Role(role) => identity::users_with(tx, place, role).await?,
    };
    let mut addresses = Vec::new();
    for id in users {
        addresses.extend(address_of(tx, id, member, place).await?);
    }
    if addresses.is_empty() {
        let problem = match member {
            Member::User(_) => "who does not exist, has no e-mail address or may not see the workflow",
            Member::Role(_) => "but nobody who holds it there and may see the workflow has an e-mail address",
        };
        return Err(Error::invalid("to", format!("names {member}, {problem}")));
    }
    Ok(addresses)
}

/// The address of a user who is meant at this place and may see it.
async fn address_of(tx: &mut Tx<'_>, id: UserId, member: Member, place: Place) -> Result<Option<String>> {
    let Some(person) = caller_of(tx, id, None).await? else {
        return Ok(None);
    };
    let told = member.is(id, &person.rights, place) && person.rights.allow(VIEW, place);
    let user = person.user.filter(|user| told && user.tenant_id == place.tenant);
    Ok(user.and_then(|user| user.email))
}
