use postern_api::{
    ListRequest, Page,
    agents::{Agent, AgentCreate, AgentEnrollment, AgentUpdate},
};
use postern_domain::AgentId;
use reqwest::Method;

use super::segments;
use crate::{Client, Error, IdempotencyKey, paging};

/// Whether deleting an agent also ends its live credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoke {
    Yes,
    No,
}

impl Client {
    pub async fn agent_list(&self, request: &ListRequest) -> Result<Page<Agent>, Error> {
        self.call(Method::GET, segments!["agents"])
            .query(request.to_query())
            .json()
            .await
    }

    /// Up to `limit` agents, over as many pages as it takes.
    pub async fn agent_list_all(&self, request: &ListRequest, limit: usize) -> Result<Page<Agent>, Error> {
        paging::collect(request, limit, |page| async move { self.agent_list(&page).await }).await
    }

    pub async fn agent_create(
        &self,
        request: &AgentCreate,
        key: &IdempotencyKey,
    ) -> Result<AgentEnrollment, Error> {
        self.call(Method::POST, segments!["agents"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn agent_show(&self, id: AgentId) -> Result<Agent, Error> {
        self.call(Method::GET, segments!["agents", id]).json().await
    }

    pub async fn agent_update(&self, id: AgentId, request: &AgentUpdate) -> Result<Agent, Error> {
        self.call(Method::PATCH, segments!["agents", id])
            .body(request)
            .json()
            .await
    }

    pub async fn agent_delete(&self, id: AgentId, revoke: Revoke) -> Result<(), Error> {
        let revoke = (revoke == Revoke::Yes).to_string();
        self.call(Method::DELETE, segments!["agents", id])
            .query([("revoke", revoke)])
            .nothing()
            .await
    }

    pub async fn agent_revoke(&self, id: AgentId) -> Result<Agent, Error> {
        self.call(Method::POST, segments!["agents", id, "revoke"])
            .json()
            .await
    }

    /// A new enrolment token for the same agent: the command was lost, or the agent is locked or revoked.
    pub async fn enrollment_token_create(
        &self,
        id: AgentId,
        key: &IdempotencyKey,
    ) -> Result<AgentEnrollment, Error> {
        self.call(Method::POST, segments!["agents", id, "enrollment-token"])
            .key(key)
            .json()
            .await
    }
}
