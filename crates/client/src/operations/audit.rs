use postern_api::{
    ListRequest, Page,
    audit::{AuditRecord, AuditVerification},
};
use reqwest::Method;

use super::segments;
use crate::{Client, Error, paging};

impl Client {
    pub async fn audit_list(&self, request: &ListRequest) -> Result<Page<AuditRecord>, Error> {
        self.call(Method::GET, segments!["audit"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn audit_list_all(
        &self,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<AuditRecord>, Error> {
        paging::collect(request, limit, |page| async move { self.audit_list(&page).await }).await
    }

    /// The server reads the whole trail and checks every hash.
    pub async fn audit_verify(&self) -> Result<AuditVerification, Error> {
        self.call(Method::GET, segments!["audit", "verification"])
            .json()
            .await
    }
}
