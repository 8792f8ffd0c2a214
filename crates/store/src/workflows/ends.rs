//! How jobs ended that are removed, kept for as long as a step of a workflow has not heard of all jobs of its execution.

use postern_domain::{AgentId, AttemptId, ExecutionId, JobId, job::JobState};

use crate::{
    Error, Tx,
    engine::{Value, read_all, record, values},
    jobs::executions,
    list::Select,
    outputs::{self, Stream},
};

/// Bytes of each stream of a job that the steps behind it can see.
pub const SEEN_BYTES: usize = 64 * 1024;

record! {
    /// How a job ended, on one host.
    pub struct HostEnd {
        pub job_id: JobId,
        pub agent_id: AgentId,
        pub name: String,
        pub state: JobState,
        pub exit_code: Option<i32>,
        pub reason: Option<String>,
        pub attempt_id: Option<AttemptId>,
        pub stdout_bytes: Option<i64>,
        pub stderr_bytes: Option<i64>,
        /// What a removed job printed: one byte more than is seen stands for all that is not kept.
        pub stdout: Option<Vec<u8>>,
        pub stderr: Option<Vec<u8>>,
    }
}

impl HostEnd {
    /// Whether its job was removed.
    pub fn is_kept(&self) -> bool {
        self.stdout.is_some()
    }

    fn kept(&self, stream: Stream) -> Option<&[u8]> {
        let kept = match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        };
        kept.as_deref()
    }

    /// How much was printed, of a job that is there.
    fn bytes(&self, stream: Stream) -> i64 {
        let bytes = match stream {
            Stream::Stdout => self.stdout_bytes,
            Stream::Stderr => self.stderr_bytes,
        };
        bytes.unwrap_or(0)
    }
}

/// How a stream begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Beginning {
    pub bytes: Vec<u8>,
    /// More than that was printed.
    pub is_cut: bool,
}

/// The beginnings of what these jobs printed, at most `most` bytes of each stream: standard output and standard error.
/// Empty where that was cut out.
pub async fn printed(tx: &mut Tx<'_>, ends: &[HostEnd], most: usize) -> Result<Vec<[Beginning; 2]>, Error> {
    let most = most.min(SEEN_BYTES);
    let printed = |end: &&HostEnd| end.stdout_bytes > Some(0) || end.stderr_bytes > Some(0);
    let attempts: Vec<AttemptId> = ends
        .iter()
        .filter(printed)
        .filter_map(|end| end.attempt_id)
        .collect();
    let mut heads = outputs::heads(tx, &attempts, most).await?;
    let mut of = |end: &HostEnd, stream| match (end.kept(stream), end.attempt_id) {
        (Some(kept), _) => Beginning {
            bytes: kept[..kept.len().min(most)].to_vec(),
            is_cut: kept.len() > most,
        },
        (None, Some(attempt)) => {
            let bytes = heads.remove(&(attempt, stream)).unwrap_or_default();
            let is_cut = end.bytes(stream) > i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            Beginning { bytes, is_cut }
        }
        (None, None) => Beginning::default(),
    };
    let both = |end| [of(end, Stream::Stdout), of(end, Stream::Stderr)];
    Ok(ends.iter().map(both).collect())
}

/// Of the jobs of an execution, in the order of the hosts' names.
pub async fn ends_of(tx: &mut Tx<'_>, id: ExecutionId) -> Result<Vec<HostEnd>, Error> {
    let sql = "SELECT k.job_id, k.agent_id, k.name, k.state, k.exit_code, k.reason, NULL, NULL, NULL, k.stdout, k.stderr
               FROM job_ends k WHERE k.execution_id = $1
               UNION ALL
               SELECT j.id, j.agent_id, coalesce(a.deleted_name, a.name), j.state, j.exit_code, j.reason, j.attempt_id, t.stdout_bytes, t.stderr_bytes,
               NULL, NULL
               FROM jobs j JOIN agents a ON a.id = j.agent_id LEFT JOIN attempts t ON t.id = j.attempt_id
               WHERE j.execution_id = $1 ORDER BY 3, 1";
    read_all(tx.query(sql, &values![id]).await?, HostEnd::from_row)
}

/// Keeps the ends of jobs that are about to be removed, where a step waits for others of their execution, or has not
/// heard of them yet.
pub(crate) async fn keep(tx: &mut Tx<'_>, of_them: &str, values: Vec<Value>) -> Result<(), Error> {
    let mut select = Select::new(
        "SELECT j.id, j.agent_id, coalesce(a.deleted_name, a.name), j.state, j.exit_code, j.reason, j.attempt_id, t.stdout_bytes, t.stderr_bytes,
         NULL, NULL, j.execution_id
         FROM jobs j JOIN agents a ON a.id = j.agent_id LEFT JOIN attempts t ON t.id = j.attempt_id",
    );
    select.and(of_them, values).and(
        "j.instance_id IS NOT NULL AND EXISTS (SELECT 1 FROM step_runs r
         WHERE r.execution_id = j.execution_id AND r.instance_id = j.instance_id AND r.outcome IS NULL)",
        [],
    );
    let (sql, values) = select.parts();
    for mut row in tx.query(sql, values).await? {
        let execution: ExecutionId = row.take(11)?;
        let end = HostEnd::from_row(row)?;
        let printed = printed(tx, std::slice::from_ref(&end), SEEN_BYTES).await?;
        let [stdout, stderr] = printed.into_iter().next().unwrap_or_default().map(to_keep);
        let sql = "INSERT INTO job_ends (execution_id, job_id, agent_id, name, state, exit_code, reason, stdout, stderr)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let values = values![
            execution,
            end.job_id,
            end.agent_id,
            end.name,
            end.state,
            end.exit_code,
            end.reason,
            stdout,
            stderr
        ];
        tx.execute(sql, &values).await?;
    }
    Ok(())
}

fn to_keep(Beginning { mut bytes, is_cut }: Beginning) -> Vec<u8> {
    if is_cut && bytes.len() == SEEN_BYTES {
        bytes.push(b'\n');
    }
    bytes
}

/// Executions, at most `limit`, of whose removed jobs nobody waits for the ends any longer, though they are kept: the step
/// heard the last news of them while a job was being removed, or goes on without it. What has come to this stays so.
pub async fn unheard(tx: &mut Tx<'_>, limit: u32) -> Result<Vec<ExecutionId>, Error> {
    let sql = "SELECT DISTINCT k.execution_id FROM job_ends k
               WHERE NOT EXISTS (SELECT 1 FROM step_runs r WHERE r.execution_id = k.execution_id AND r.outcome IS NULL)
               LIMIT $1";
    read_all(tx.query(sql, &values![limit]).await?, |row| row.read(0))
}

/// Nobody waits for these any longer: they go, and their execution with them when it has no job.
pub async fn forget(tx: &mut Tx<'_>, id: ExecutionId) -> Result<(), Error> {
    tx.execute("DELETE FROM job_ends WHERE execution_id = $1", &values![id])
        .await?;
    executions::sweep(tx, &[id]).await
}
