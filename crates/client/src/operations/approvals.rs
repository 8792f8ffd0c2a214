use postern_api::{
    ListRequest, Page,
    approvals::{Approval, ApprovalAnswer, ApprovalDelegate, ApprovalDetail},
};
use postern_domain::ApprovalId;
use reqwest::Method;

use super::segments;
use crate::{Client, Error, paging};

impl Client {
    pub async fn approval_list(&self, request: &ListRequest) -> Result<Page<Approval>, Error> {
        self.call(Method::GET, segments!["approvals"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn approval_list_all(
        &self,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<Approval>, Error> {
        paging::collect(
            request,
            limit,
            |page| async move { self.approval_list(&page).await },
        )
        .await
    }

    pub async fn approval_show(&self, id: ApprovalId) -> Result<ApprovalDetail, Error> {
        self.call(Method::GET, segments!["approvals", id]).json().await
    }

    pub async fn approval_answer(
        &self,
        id: ApprovalId,
        request: &ApprovalAnswer,
    ) -> Result<ApprovalDetail, Error> {
        self.call(Method::POST, segments!["approvals", id, "answer"])
            .body(request)
            .json()
            .await
    }

    pub async fn approval_delegate(
        &self,
        id: ApprovalId,
        request: &ApprovalDelegate,
    ) -> Result<ApprovalDetail, Error> {
        self.call(Method::POST, segments!["approvals", id, "delegate"])
            .body(request)
            .json()
            .await
    }
}
