use postern_api::{
    ListRequest, Page,
    notify::{Delivery, DeliveryDetail, Mail, MailTest, Webhook, WebhookCreate, WebhookSaved, WebhookUpdate},
};
use postern_domain::{DeliveryId, WebhookId};
use reqwest::Method;

use super::segments;
use crate::{Client, Error, IdempotencyKey, paging};

impl Client {
    pub async fn webhook_list(&self, request: &ListRequest) -> Result<Page<Webhook>, Error> {
        self.call(Method::GET, segments!["webhooks"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn webhook_list_all(
        &self,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<Webhook>, Error> {
        paging::collect(
            request,
            limit,
            |page| async move { self.webhook_list(&page).await },
        )
        .await
    }

    pub async fn webhook_create(
        &self,
        request: &WebhookCreate,
        key: &IdempotencyKey,
    ) -> Result<WebhookSaved, Error> {
        self.call(Method::POST, segments!["webhooks"])
            .key(key)
            .body(request)
            .json()
            .await
    }

    pub async fn webhook_show(&self, id: WebhookId) -> Result<Webhook, Error> {
        self.call(Method::GET, segments!["webhooks", id]).json().await
    }

    pub async fn webhook_update(
        &self,
        id: WebhookId,
        request: &WebhookUpdate,
    ) -> Result<WebhookSaved, Error> {
        self.call(Method::PATCH, segments!["webhooks", id])
            .body(request)
            .json()
            .await
    }

    pub async fn webhook_delete(&self, id: WebhookId) -> Result<(), Error> {
        self.call(Method::DELETE, segments!["webhooks", id])
            .nothing()
            .await
    }

    pub async fn webhook_test(&self, id: WebhookId) -> Result<Delivery, Error> {
        self.call(Method::POST, segments!["webhooks", id, "test"])
            .json()
            .await
    }

    pub async fn delivery_list(&self, request: &ListRequest) -> Result<Page<Delivery>, Error> {
        self.call(Method::GET, segments!["deliveries"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn delivery_list_all(
        &self,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<Delivery>, Error> {
        paging::collect(
            request,
            limit,
            |page| async move { self.delivery_list(&page).await },
        )
        .await
    }

    pub async fn delivery_show(&self, id: DeliveryId) -> Result<DeliveryDetail, Error> {
        self.call(Method::GET, segments!["deliveries", id]).json().await
    }

    pub async fn delivery_retry(&self, id: DeliveryId) -> Result<Delivery, Error> {
        self.call(Method::POST, segments!["deliveries", id, "retry"])
            .json()
            .await
    }

    pub async fn mail_show(&self) -> Result<Mail, Error> {
        self.call(Method::GET, segments!["mail"]).json().await
    }

    pub async fn mail_test(&self, request: &MailTest) -> Result<Delivery, Error> {
        self.call(Method::POST, segments!["mail", "test"])
            .body(request)
            .json()
            .await
    }
}
