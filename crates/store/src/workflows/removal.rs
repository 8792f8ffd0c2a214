//! Removal of instances, a few at a time: of those that ended long ago, and of what a deleted workflow left.

use postern_domain::{InstanceId, TenantId, Timestamp, WorkflowId};

use crate::{
    Error, Tx,
    engine::{Value, values},
    list::Select,
};

/// Nothing that is kept leads to them: an instance stays as long as the one whose step started it, and as one that tries
/// it again, which goes by its approvals.
const ENDED: &str = "i.ended_us < ? AND NOT EXISTS (SELECT 1 FROM instances p WHERE p.id = i.parent_id)
                     AND NOT EXISTS (SELECT 1 FROM instances n WHERE n.retry_of = i.id)";

/// Removes those that ended before this, the oldest first, with their runs, events and approvals. Returns which.
pub async fn remove_ended(tx: &mut Tx<'_>, before: Timestamp, limit: u32) -> Result<Vec<InstanceId>, Error> {
    remove(tx, (ENDED, values![before].to_vec()), "i.ended_us", limit).await
}

/// One whose step started it and has not ended may still have to hear of its end.
const OF_DELETED: &str = "i.ended_us IS NOT NULL
                          AND NOT EXISTS (SELECT 1 FROM instances p WHERE p.id = i.parent_id AND p.ended_us IS NULL)";

/// The deleted workflow behind this one of which something can be removed now, and be it the last of it, with its tenant.
pub async fn deleted(tx: &mut Tx<'_>, after: WorkflowId) -> Result<Option<(WorkflowId, TenantId)>, Error> {
    let sql = format!(
        "SELECT w.id, w.tenant_id FROM workflows w WHERE w.deleted_us IS NOT NULL AND w.id > $1
         AND (EXISTS (SELECT 1 FROM instances i WHERE i.workflow_id = w.id AND {OF_DELETED})
              OR NOT EXISTS (SELECT 1 FROM instances o WHERE o.workflow_id = w.id))
         ORDER BY w.id LIMIT 1"
    );
    tx.query_opt(&sql, &values![after])
        .await?
        .map(|mut row| Ok((row.take(0)?, row.take(1)?)))
        .transpose()
}

/// Removes instances of a deleted workflow, and the workflow with its versions behind the last one. Returns which
/// instances.
pub async fn remove_deleted(tx: &mut Tx<'_>, id: WorkflowId, limit: u32) -> Result<Vec<InstanceId>, Error> {
    let of_it = format!("i.workflow_id = ? AND {OF_DELETED}");
    let removed = remove(tx, (&of_it, values![id].to_vec()), "i.id", limit).await?;
    let sql = "DELETE FROM workflows WHERE id = $1 AND deleted_us IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM instances i WHERE i.workflow_id = $1)";
    tx.execute(sql, &values![id]).await?;
    Ok(removed)
}

/// The first ones in this order of those that this holds for. Returns their ids, the lowest first.
async fn remove(
    tx: &mut Tx<'_>,
    (holds, values): (&str, Vec<Value>),
    order: &str,
    limit: u32,
) -> Result<Vec<InstanceId>, Error> {
    let mut select = Select::new("SELECT i.id FROM instances i");
    select
        .and(holds, values.clone())
        .push(&format!(" ORDER BY {order} LIMIT {limit}"))
        .push(&tx.for_delete("i"));
    let locked = ids(tx, &select).await?;
    if locked.is_empty() {
        return Ok(locked);
    }
    // Once more, now that nobody can begin to try one of them again.
    let mut delete = Select::new("DELETE FROM instances AS i");
    delete
        .and_in("i.id", locked)
        .and(holds, values)
        .push(" RETURNING id");
    let mut removed = ids(tx, &delete).await?;
    removed.sort_unstable();
    Ok(removed)
}

async fn ids(tx: &mut Tx<'_>, statement: &Select) -> Result<Vec<InstanceId>, Error> {
    let (sql, values) = statement.parts();
    tx.query(sql, values)
        .await?
        .into_iter()
        .map(|row| row.read(0))
        .collect()
}
