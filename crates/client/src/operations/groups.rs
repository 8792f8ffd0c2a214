use postern_api::{
    ListRequest, Page,
    groups::{Group, GroupCreate, GroupUpdate},
};
use postern_domain::GroupId;
use reqwest::Method;

use super::segments;
use crate::{Client, Error, IdempotencyKey, paging};

impl Client {
    pub async fn group_list(&self, request: &ListRequest) -> Result<Page<Group>, Error> {
        self.call(Method::GET, segments!["groups"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn group_list_all(&self, request: &ListRequest, limit: usize) -> Result<Page<Group>, Error> {
        paging::collect(request, limit, |page| async move { self.group_list(&page).await }).await
    }

    pub async fn group_create(&self, request: &GroupCreate, key: &IdempotencyKey) -> Result<Group, Error> {
        self.call(Method::POST, segments!["groups"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn group_show(&self, id: GroupId) -> Result<Group, Error> {
        self.call(Method::GET, segments!["groups", id]).json().await
    }

    pub async fn group_update(&self, id: GroupId, request: &GroupUpdate) -> Result<Group, Error> {
        self.call(Method::PATCH, segments!["groups", id])
            .body(request)
            .json()
            .await
    }

    pub async fn group_delete(&self, id: GroupId) -> Result<(), Error> {
        self.call(Method::DELETE, segments!["groups", id]).nothing().await
    }
}
