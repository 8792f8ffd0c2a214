//! What is due for instances, as items of work.

use std::collections::HashMap;

use postern_domain::{ApprovalId, ExecutionId, InstanceId, Timestamp};
use postern_store::{
    outbox::{Kind, News},
    workflows::due::Due,
};

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) subject: Subject,
    pub(super) what: What,
}

/// Of what there is one item at a time in work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    Instance(InstanceId),
    /// News of which nobody hears.
    News(i64),
}

#[derive(Debug, Clone)]
pub(super) enum What {
    /// Of jobs that ended, all of one execution.
    Jobs(ExecutionId, Vec<i64>),
    /// Of something else.
    News(News),
    Timer(InstanceId, u32, Timestamp),
    Late(ApprovalId),
    /// Somebody should be reminded.
    Silent(ApprovalId),
}

/// In the order in which it became due.
pub(super) fn items_of(due: Due) -> Vec<Item> {
    let (mut items, mut places): (Vec<Item>, _) = (Vec::new(), HashMap::new());
    for news in due.news {
        let subject = news.instance.map_or(Subject::News(news.id), Subject::Instance);
        let what = match news.kind {
            Kind::JobEnded => {
                let place = *places.entry(news.object).or_insert(items.len());
                if let Some(Item {
                    what: What::Jobs(_, all),
                    ..
                }) = items.get_mut(place)
                {
                    all.push(news.id);
                    continue;
                }
                What::Jobs(ExecutionId(news.object), vec![news.id])
            }
            Kind::InstanceMade | Kind::InstanceEnded | Kind::ApprovalEnded => What::News(news),
        };
        items.push(Item { subject, what });
    }
    let of = |id, what| Item {
        subject: Subject::Instance(id),
        what,
    };
    let timers = due.timers.into_iter();
    items.extend(timers.map(|(id, run, due)| of(id, What::Timer(id, run, due))));
    items.extend(
        due.late
            .into_iter()
            .map(|(id, instance)| of(instance, What::Late(id))),
    );
    items.extend(
        due.silent
            .into_iter()
            .map(|(id, instance)| of(instance, What::Silent(id))),
    );
    items
}
