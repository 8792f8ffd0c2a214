use postern_api::{
    ListRequest, Page,
    schedules::{
        Calendar, CalendarCreate, CalendarUpdate, CronPreview, CronTicks, Schedule, ScheduleCreate,
        ScheduleRun, ScheduleTick, ScheduleUpdate,
    },
};
use postern_domain::{CalendarId, ScheduleId};
use reqwest::Method;

use super::segments;
use crate::{Client, Error, IdempotencyKey, paging};

impl Client {
    pub async fn schedule_list(&self, request: &ListRequest) -> Result<Page<Schedule>, Error> {
        self.call(Method::GET, segments!["schedules"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn schedule_list_all(
        &self,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<Schedule>, Error> {
        paging::collect(
            request,
            limit,
            |page| async move { self.schedule_list(&page).await },
        )
        .await
    }

    pub async fn schedule_create(
        &self,
        request: &ScheduleCreate,
        key: &IdempotencyKey,
    ) -> Result<Schedule, Error> {
        self.call(Method::POST, segments!["schedules"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn schedule_show(&self, id: ScheduleId) -> Result<Schedule, Error> {
        self.call(Method::GET, segments!["schedules", id]).json().await
    }

    pub async fn schedule_update(&self, id: ScheduleId, request: &ScheduleUpdate) -> Result<Schedule, Error> {
        self.call(Method::PATCH, segments!["schedules", id])
            .body(request)
            .json()
            .await
    }

    pub async fn schedule_delete(&self, id: ScheduleId) -> Result<(), Error> {
        self.call(Method::DELETE, segments!["schedules", id])
            .nothing()
            .await
    }

    pub async fn calendar_list(&self, request: &ListRequest) -> Result<Page<Calendar>, Error> {
        self.call(Method::GET, segments!["calendars"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn calendar_list_all(
        &self,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<Calendar>, Error> {
        paging::collect(
            request,
            limit,
            |page| async move { self.calendar_list(&page).await },
        )
        .await
    }

    pub async fn calendar_create(
        &self,
        request: &CalendarCreate,
        key: &IdempotencyKey,
    ) -> Result<Calendar, Error> {
        self.call(Method::POST, segments!["calendars"])
            .body(request)
            .key(key)
            .json()
            .await
    }

    pub async fn calendar_show(&self, id: CalendarId) -> Result<Calendar, Error> {
        self.call(Method::GET, segments!["calendars", id]).json().await
    }

    pub async fn calendar_update(&self, id: CalendarId, request: &CalendarUpdate) -> Result<Calendar, Error> {
        self.call(Method::PATCH, segments!["calendars", id])
            .body(request)
            .json()
            .await
    }

    pub async fn calendar_delete(&self, id: CalendarId) -> Result<(), Error> {
        self.call(Method::DELETE, segments!["calendars", id])
            .nothing()
            .await
    }

    pub async fn cron_preview(&self, request: &CronPreview) -> Result<CronTicks, Error> {
        self.call(Method::POST, segments!["schedules", "preview"])
            .body(request)
            .json()
            .await
    }

    pub async fn schedule_run(&self, id: ScheduleId, key: &IdempotencyKey) -> Result<ScheduleRun, Error> {
        self.call(Method::POST, segments!["schedules", id, "run"])
            .key(key)
            .json()
            .await
    }

    pub async fn schedule_tick_list(
        &self,
        id: ScheduleId,
        request: &ListRequest,
    ) -> Result<Page<ScheduleTick>, Error> {
        self.call(Method::GET, segments!["schedules", id, "ticks"])
            .query(request.to_query())
            .json()
            .await
    }

    pub async fn schedule_tick_list_all(
        &self,
        id: ScheduleId,
        request: &ListRequest,
        limit: usize,
    ) -> Result<Page<ScheduleTick>, Error> {
        paging::collect(request, limit, |page| async move {
            self.schedule_tick_list(id, &page).await
        })
        .await
    }
}
