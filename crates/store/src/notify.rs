//! Webhooks, and messages on their way.

use postern_domain::{
    DeliveryId, DepartmentId, InstanceId, OrganizationId, TenantId, Timestamp, WebhookId,
    notify::{Channel, DeliveryState, Topic},
    permission::{Place, Reach},
};

use crate::{
    Error, ListQuery, Tx,
    engine::{record, values},
    jobs::Secret,
    list::{Key, Select, contains},
};

record! {
    pub struct Webhook {
        pub id: WebhookId,
        pub tenant_id: TenantId,
        pub name: String,
        pub url: String,
        /// JSON list of words.
        pub topics: String,
        pub active: bool,
        pub secret_place: String,
        pub secret_sealed: Vec<u8>,
        pub created: Timestamp,
        pub created_by: String,
        pub updated: Timestamp,
        pub updated_by: String,
    }
}

impl Webhook {
    pub fn place(&self) -> Place {
        Place::tenant(self.tenant_id)
    }

    pub fn secret(&self) -> Secret {
        Secret {
            place: self.secret_place.clone(),
            sealed: self.secret_sealed.clone(),
        }
    }
}

macro_rules! select_webhook {
    () => {
        "SELECT w.id, w.tenant_id, w.name, w.url, w.topics, w.active, w.secret_place, w.secret_sealed, w.created_us,
         w.created_by, w.updated_us, w.updated_by FROM webhooks w"
    };
}

#[derive(Debug, Clone)]
pub struct SavedWebhook {
    pub name: String,
    pub url: String,
    pub topics: String,
    pub active: bool,
    pub secret: Secret,
}

pub async fn webhook_create(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    saved: SavedWebhook,
    by: &str,
    now: Timestamp,
) -> Result<WebhookId, Error> {
    let sql =
        "INSERT INTO webhooks (tenant_id, name, url, topics, active, secret_place, secret_sealed, created_us,
                 created_by, updated_us, updated_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8, $9) RETURNING id";
    let values = values![
        tenant,
        saved.name,
        saved.url,
        saved.topics,
        saved.active,
        saved.secret.place,
        saved.secret.sealed,
        now,
        by,
    ];
    tx.insert(sql, &values).await.map(WebhookId)
}

pub async fn webhook_update(
    tx: &mut Tx<'_>,
    id: WebhookId,
    saved: SavedWebhook,
    by: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let sql = "UPDATE webhooks SET name = $2, url = $3, topics = $4, active = $5, secret_place = $6, secret_sealed = $7,
                 updated_us = $8, updated_by = $9 WHERE id = $1";
    let values = values![
        id,
        saved.name,
        saved.url,
        saved.topics,
        saved.active,
        saved.secret.place,
        saved.secret.sealed,
        now,
        by,
    ];
    tx.execute(sql, &values).await.map(|_| ())
}

/// What was on its way to it is given up.
pub async fn webhook_delete(tx: &mut Tx<'_>, id: WebhookId, now: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE deliveries SET state = 'dead', error = 'The webhook was deleted', ended_us = $2
               WHERE webhook_id = $1 AND state = 'waiting'";
    tx.execute(sql, &values![id, now]).await?;
    tx.execute("DELETE FROM webhooks WHERE id = $1", &values![id])
        .await
        .map(|_| ())
}

/// In a write it is kept from others until the end of the transaction.
pub async fn webhook_find(tx: &mut Tx<'_>, id: WebhookId) -> Result<Option<Webhook>, Error> {
    let sql = format!("{} WHERE w.id = $1{}", select_webhook!(), tx.for_update());
    tx.query_opt(&sql, &values![id])
        .await?
        .map(Webhook::from_row)
        .transpose()
}

pub async fn webhook_by_name(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &str,
) -> Result<Option<Webhook>, Error> {
    let sql = concat!(select_webhook!(), " WHERE w.tenant_id = $1 AND w.name = $2");
    tx.query_opt(sql, &values![tenant, name])
        .await?
        .map(Webhook::from_row)
        .transpose()
}

/// Those of a tenant that are switched on.
pub async fn webhooks_active(tx: &mut Tx<'_>, tenant: TenantId) -> Result<Vec<Webhook>, Error> {
    let sql = concat!(
        select_webhook!(),
        " WHERE w.tenant_id = $1 AND w.active ORDER BY w.id"
    );
    tx.query(sql, &values![tenant])
        .await?
        .into_iter()
        .map(Webhook::from_row)
        .collect()
}

pub async fn webhook_list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    search: Option<&str>,
    page: &ListQuery,
) -> Result<Vec<Webhook>, Error> {
    let mut select = Select::new(select_webhook!());
    if !reach.everywhere {
        select.and_in("w.tenant_id", reach.tenants.iter().copied());
    }
    if let Some(text) = search {
        select.and("lower(w.name) LIKE ? ESCAPE '\\'", values![contains(text)]);
    }
    let (sql, values) = select.page(page, Key::Text("w.name"), "w.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Webhook::from_row)
        .collect()
}

// ---- messages on their way

record! {
    pub struct Delivery {
        pub id: DeliveryId,
        pub tenant_id: TenantId,
        pub organization_id: Option<OrganizationId>,
        pub department_id: Option<DepartmentId>,
        pub channel: Channel,
        pub webhook_id: Option<WebhookId>,
        pub recipient: String,
        pub topic: Topic,
        pub title: String,
        /// JSON.
        pub message: String,
        pub state: DeliveryState,
        pub attempts: u32,
        pub next: Timestamp,
        pub error: Option<String>,
        pub instance_id: Option<InstanceId>,
        pub created: Timestamp,
        pub ended: Option<Timestamp>,
    }
}

impl Delivery {
    pub fn place(&self) -> Place {
        Place {
            tenant: self.tenant_id,
            organization: self.organization_id,
            department: self.department_id,
        }
    }
}

macro_rules! select_delivery {
    () => {
        "SELECT d.id, d.tenant_id, d.organization_id, d.department_id, d.channel, d.webhook_id, d.recipient, d.topic,
         d.title, d.message, d.state, d.attempts, d.next_us, d.error, d.instance_id, d.created_us, d.ended_us
         FROM deliveries d"
    };
}

#[derive(Debug, Clone)]
pub struct NewDelivery {
    pub place: Place,
    pub channel: Channel,
    pub webhook: Option<WebhookId>,
    pub recipient: String,
    pub topic: Topic,
    pub title: String,
    pub message: String,
    pub instance: Option<InstanceId>,
}

pub async fn delivery_create(tx: &mut Tx<'_>, new: NewDelivery, now: Timestamp) -> Result<DeliveryId, Error> {
    let sql = "INSERT INTO deliveries (tenant_id, organization_id, department_id, channel, webhook_id, recipient, topic,
                 title, message, state, next_us, instance_id, created_us)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', $10, $11, $10) RETURNING id";
    let values = values![
        new.place.tenant,
        new.place.organization,
        new.place.department,
        new.channel,
        new.webhook,
        new.recipient,
        new.topic,
        new.title,
        new.message,
        now,
        new.instance,
    ];
    tx.insert(sql, &values).await.map(DeliveryId)
}

/// In a write it is kept from others until the end of the transaction.
pub async fn delivery_find(tx: &mut Tx<'_>, id: DeliveryId) -> Result<Option<Delivery>, Error> {
    let sql = format!("{} WHERE d.id = $1{}", select_delivery!(), tx.for_update());
    tx.query_opt(&sql, &values![id])
        .await?
        .map(Delivery::from_row)
        .transpose()
}

/// Messages whose time has come.
pub async fn deliveries_due(tx: &mut Tx<'_>, now: Timestamp, limit: u32) -> Result<Vec<DeliveryId>, Error> {
    let sql = "SELECT d.id FROM deliveries d WHERE d.state = 'waiting' AND d.next_us <= $1 ORDER BY d.next_us LIMIT $2";
    tx.query(sql, &values![now, limit])
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}

/// One try begins; nobody else begins one until then. What is returned is the claim, by which its end is told. `None`:
/// somebody else has it, or it is not due any more.
pub async fn delivery_claim(
    tx: &mut Tx<'_>,
    id: DeliveryId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Delivery>, Error> {
    let sql = "UPDATE deliveries SET attempts = attempts + 1, next_us = $3
               WHERE id = $1 AND state = 'waiting' AND next_us <= $2";
    if tx.execute(sql, &values![id, now, until]).await? == 0 {
        return Ok(None);
    }
    delivery_find(tx, id).await
}

/// A try went well. That counts also when somebody wants it sent again meanwhile: it is there.
pub async fn delivery_arrived(tx: &mut Tx<'_>, claimed: &Delivery, now: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE deliveries SET state = 'delivered', attempts = $2, error = NULL, next_us = $3,
                 ended_us = $3
               WHERE id = $1 AND state = 'waiting'";
    tx.execute(sql, &values![claimed.id, claimed.attempts, now])
        .await
        .map(|_| ())
}

/// A try failed; without a next one the message is given up. Nothing is changed when somebody has begun another try
/// meanwhile, or wants one.
pub async fn delivery_failed(
    tx: &mut Tx<'_>,
    claimed: &Delivery,
    reason: String,
    next: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Error> {
    let (state, ended) = match next {
        Some(_) => (DeliveryState::Waiting, None),
        None => (DeliveryState::Dead, Some(now)),
    };
    // The attempts begin anew when somebody wants it sent again: their number alone does not tell claims apart.
    let sql = "UPDATE deliveries SET state = $4, error = $5, next_us = $6, ended_us = $7
               WHERE id = $1 AND attempts = $2 AND next_us = $3 AND state = 'waiting'";
    let values = values![
        claimed.id,
        claimed.attempts,
        claimed.next,
        state,
        reason,
        next.unwrap_or(now),
        ended,
    ];
    tx.execute(sql, &values).await.map(|_| ())
}

/// From the first try on.
pub async fn delivery_again(tx: &mut Tx<'_>, id: DeliveryId, now: Timestamp) -> Result<(), Error> {
    let sql =
        "UPDATE deliveries SET state = 'waiting', attempts = 0, next_us = $2, ended_us = NULL WHERE id = $1";
    tx.execute(sql, &values![id, now]).await.map(|_| ())
}

#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    pub states: Vec<DeliveryState>,
    pub channels: Vec<Channel>,
    pub topics: Vec<Topic>,
    pub instances: Vec<i64>,
    pub search: Option<String>,
}

/// Newest first.
pub async fn delivery_list(
    tx: &mut Tx<'_>,
    reach: &Reach,
    filter: &DeliveryFilter,
    page: &ListQuery,
) -> Result<Vec<Delivery>, Error> {
    let mut select = Select::new(select_delivery!());
    select.within(reach, "d");
    if !filter.states.is_empty() {
        select.and_in("d.state", filter.states.iter().copied());
    }
    if !filter.channels.is_empty() {
        select.and_in("d.channel", filter.channels.iter().copied());
    }
    if !filter.topics.is_empty() {
        select.and_in("d.topic", filter.topics.iter().copied());
    }
    if !filter.instances.is_empty() {
        select.and_in("d.instance_id", filter.instances.iter().copied());
    }
    if let Some(text) = &filter.search {
        let pattern = contains(text);
        let condition = "lower(d.title) LIKE ? ESCAPE '\\' OR lower(d.recipient) LIKE ? ESCAPE '\\'";
        select.and(condition, values![&pattern, &pattern]);
    }
    let (sql, values) = select.page(page, Key::Id, "d.id")?.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(Delivery::from_row)
        .collect()
}

/// Removes messages that ended before then. How many there were.
pub async fn deliveries_forget(tx: &mut Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, Error> {
    let sql = "DELETE FROM deliveries WHERE id IN
               (SELECT d.id FROM deliveries d WHERE d.state <> 'waiting' AND d.ended_us < $1 ORDER BY d.id LIMIT $2)";
    tx.execute(sql, &values![before, limit]).await
}
