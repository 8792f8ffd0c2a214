//! A database that looks as if it had been used for a year: agents, and jobs of all kinds that ended in all ways.
//!
//! Written by SQL, as a million jobs through the API would take an hour. Nobody watches these jobs end: the server
//! must not be running meanwhile. One text for both engines, as far as they have one.

use crate::arguments::Engine;

/// Names of scripts, of schedules, and of summaries that come again.
pub(crate) const SCRIPTS: u64 = 50;
pub(crate) const SCHEDULES: u64 = 100;
const SUMMARIES: u64 = 5000;
/// Jobs of an execution that is neither for one host nor for all.
const GROUP: u64 = 50;
/// Of the newest jobs, some have not ended.
const NEWEST: u64 = 300;
const DAY_US: u64 = 24 * 3600 * 1_000_000;
/// From the oldest job to the newest.
pub(crate) const DAYS: u64 = 365;

pub(crate) const COUNT_JOBS: &str = "SELECT count(*) FROM jobs";
pub(crate) const COUNT_AGENTS: &str = "SELECT count(*) FROM agents";
/// Those that were filled in.
pub(crate) const COUNT_LABELLED: &str = "SELECT count(*) FROM agent_labels WHERE name = 'env'";

/// Counts what the server removes: jobs that ended before.
pub(crate) fn count_old(before_us: i64) -> String {
    format!(
        "SELECT count(*) FROM jobs WHERE finished_us < {before_us}
         AND state NOT IN ('queued', 'pending', 'running', 'timeout')"
    )
}

/// Shares of agents by organization, in thousandths: the first is the one that the server made.
pub(crate) const ORGANIZATIONS: [(&str, u64); 10] = [
    ("default", 400),
    ("berlin", 200),
    ("hamburg", 150),
    ("munich", 100),
    ("cologne", 50),
    ("bremen", 40),
    ("dresden", 30),
    ("leipzig", 20),
    ("essen", 9),
    ("trier", 1),
];

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stock {
    /// A multiple of 1,000.
    pub(crate) agents: u64,
    pub(crate) jobs: u64,
    pub(crate) now_us: u64,
}

impl Stock {
    /// Statements in their order. Each may be run alone.
    pub(crate) fn statements(self, engine: Engine) -> Vec<String> {
        let mut all = vec![organizations()];
        all.extend(self.agents());
        if self.jobs > 0 {
            all.extend([
                scripts(self.now_us),
                schedules(self.now_us),
                self.payloads(),
                self.executions(),
                self.jobs(),
                PLACES.into(),
                attempts(),
                outputs(engine),
            ]);
        }
        all.extend(settle(engine));
        all
    }

    fn agents(self) -> [String; 2] {
        let Self { agents, now_us, .. } = self;
        let organization = by_share("i % 1000");
        let insert = format!(
            "INSERT INTO agents (tenant_id, organization_id, name, labels, created_us, slots, version, hostname, os, arch)
             {numbers} SELECT o.tenant_id, o.id, 'host-' || (100000 + i), '{{\"env\":\"' || CASE i % 2 WHEN 0 THEN 'prod'
             ELSE 'test' END || '\"}}', {now_us}, 4, '0.1.0', 'host-' || (100000 + i), 'Debian GNU/Linux 12 (bookworm)',
             'x86_64' FROM n JOIN organizations o ON o.name = {organization} ORDER BY i",
            numbers = numbers(agents),
        );
        let labels = "INSERT INTO agent_labels (agent_id, name, value)
                      SELECT id, 'env', CASE WHEN labels LIKE '%prod%' THEN 'prod' ELSE 'test' END FROM agents
                      WHERE name LIKE 'host-%'";
        [insert, labels.into()]
    }

    /// Each job `i` with the first job `f` of its execution, how wide that is (`w`: 0 every agent, 1 one, 2 some), its
    /// payload `p` and its agent `k`, all counted from 0.
    fn plan(self) -> String {
        let Self { agents, jobs, .. } = self;
        let step = agents / GROUP;
        format!(
            "{numbers}, wide (i, w) AS (SELECT i, CASE WHEN (i / {agents}) % 5 = 0 THEN 0
               WHEN (i / {GROUP}) % 5 < 2 THEN 1 ELSE 2 END FROM n),
             first (i, w, f) AS (SELECT i, w, CASE w WHEN 0 THEN i - i % {agents} WHEN 1 THEN i ELSE i - i % {GROUP} END
               FROM wide),
             plan (i, w, f, p, k) AS (SELECT i, w, f,
               CASE WHEN w = 1 AND f % 10 = 0 THEN {SUMMARIES} + f ELSE (f / {GROUP} * 31 + f % {GROUP} * 97) % {SUMMARIES} END,
               CASE w WHEN 0 THEN i % {agents} WHEN 1 THEN (i * 7919) % {agents}
                 ELSE (f / {GROUP} * 7919 + i % {GROUP} * {step}) % {agents} END
               FROM first),
             work (i, w, f, p, k, type, script, schedule) AS (SELECT i, w, f, p, k, {kind},
               CASE WHEN (p * 7919) % 1000 < 550 AND p % 5 > 0 THEN p % {SCRIPTS} + 1 END,
               CASE WHEN w = 1 AND (f / {GROUP}) % 5 = 1 THEN 1
                    WHEN w = 2 AND (f / {GROUP}) % 5 = 4 THEN f / {GROUP} / 5 % {SCHEDULES} + 1 END
               FROM plan)",
            numbers = numbers(jobs),
            kind = kind(),
        )
    }

    fn payloads(self) -> String {
        format!(
            "INSERT INTO payloads (id, digest, body, summary) {plan}
             SELECT DISTINCT p + 1, 'stored ' || p, '{{\"type\":\"' || type || '\",\"payload\":{{}}}}', {summary} FROM work",
            plan = self.plan(),
            summary = summary(),
        )
    }

    fn created(self) -> String {
        let each = DAYS * DAY_US / self.jobs;
        format!("{} - ({} - f) * {each}", self.now_us, self.jobs)
    }

    fn executions(self) -> String {
        format!(
            "INSERT INTO executions (id, tenant_id, type, summary, created_us, created_by, targets, script_id,
               script_version, schedule_id, payload_id)
             {plan} SELECT i + 1, (SELECT min(id) FROM tenants), type, {summary}, {created}, 'user:1 (admin)', '{{}}',
               script, CASE WHEN script IS NOT NULL THEN 1 END, schedule, p + 1 FROM work WHERE i = f ORDER BY i",
            plan = self.plan(),
            summary = summary(),
            created = self.created(),
        )
    }

    fn jobs(self) -> String {
        let created = self.created();
        let newest = self.jobs.saturating_sub(NEWEST);
        let state = format!(
            "CASE WHEN i >= {newest} AND i % 3 = 0 THEN 'queued' WHEN i >= {newest} AND i % 3 = 1 THEN 'running'
             ELSE CASE WHEN (i * 7919 + i / 97) % 2000 < 1 THEN 'unknown' WHEN (i * 7919 + i / 97) % 2000 < 10 THEN 'timeout'
             WHEN (i * 7919 + i / 97) % 2000 < 30 THEN 'cancelled' WHEN (i * 7919 + i / 97) % 2000 < 130 THEN 'failed'
             ELSE 'completed' END END"
        );
        format!(
            "INSERT INTO jobs (id, tenant_id, organization_id, agent_id, type, payload_id, summary, state, priority,
               timeout_seconds, not_before_us, due_us, created_us, created_by, attempt_id, started_us, finished_us,
               exit_code, execution_id, script_id, schedule_id)
             {plan}, done (i, f, p, k, type, script, schedule, state, created) AS (SELECT i, f, p, k, type, script,
               schedule, {state}, {created} FROM work)
             SELECT i + 1, a.tenant_id, a.organization_id, a.id, type, p + 1, {summary}, state,
               CASE WHEN type IN ('service_control', 'process_control', 'user_control', 'group_control') THEN 0
                 WHEN type = 'network_diagnostic' THEN 1 ELSE 2 END,
               CASE state WHEN 'running' THEN 604800 ELSE 300 END,
               CASE state WHEN 'queued' THEN created + {DAY_US} END,
               CASE state WHEN 'queued' THEN created + {DAY_US} ELSE created END,
               created, 'user:1 (admin)', CASE WHEN state <> 'queued' THEN i + 1 END,
               CASE WHEN state <> 'queued' THEN created + 2000000 END,
               CASE WHEN state NOT IN ('queued', 'running') THEN created + 5000000 + i % 100 * 100000 END,
               CASE state WHEN 'completed' THEN 0 WHEN 'failed' THEN 1 END, f + 1, script, schedule
             FROM done JOIN agents a ON a.id = k + (SELECT min(id) FROM agents) ORDER BY i",
            plan = self.plan(),
            summary = summary(),
        )
    }
}

/// 0 to `count` - 1.
fn numbers(count: u64) -> String {
    let last = count.saturating_sub(1);
    format!(
        "WITH RECURSIVE n (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
    )
}

/// The organization of a number from 0 to 999.
fn by_share(number: &str) -> String {
    let mut sql = String::from("CASE");
    let mut upto = 0;
    for (name, share) in ORGANIZATIONS {
        upto += share;
        sql.push_str(&format!(" WHEN {number} < {upto} THEN '{name}'"));
    }
    sql + " END"
}

/// Types of payload `p`, in the shares that fleets have.
fn kind() -> String {
    let mut sql = String::from("CASE");
    for (upto, kind) in [
        (550, "script"),
        (850, "command"),
        (910, "service_control"),
        (940, "network_diagnostic"),
        (960, "software_install"),
        (980, "http_request"),
        (990, "process_control"),
        (999, "user_control"),
        (1000, "group_control"),
    ] {
        sql.push_str(&format!(" WHEN (p * 7919) % 1000 < {upto} THEN '{kind}'"));
    }
    sql + " END"
}

fn summary() -> &'static str {
    "CASE type WHEN 'script' THEN 'Nightly task ' || p WHEN 'command' THEN 'df -h /srv/data' || p
     ELSE type || ' of service-' || p END"
}

fn organizations() -> String {
    let names: Vec<_> = ORGANIZATIONS[1..]
        .iter()
        .map(|(name, _)| format!("((SELECT min(id) FROM tenants), '{name}', 0)"))
        .collect();
    format!(
        "INSERT INTO organizations (tenant_id, name, created_us) VALUES {}",
        names.join(", ")
    )
}

fn scripts(now_us: u64) -> String {
    format!(
        "INSERT INTO scripts (tenant_id, kind, name, description, language, version, created_us, created_by, updated_us,
           updated_by)
         {} SELECT (SELECT min(id) FROM tenants), 'script', 'stored ' || i, '', 'bash', 1, {now_us}, 'user:1', {now_us},
           'user:1' FROM n ORDER BY i",
        numbers(SCRIPTS)
    )
}

/// They never have another tick.
fn schedules(now_us: u64) -> String {
    format!(
        "INSERT INTO schedules (tenant_id, name, description, definition, owner_id, created_us, created_by, updated_us,
           updated_by)
         {} SELECT (SELECT min(id) FROM tenants), 'stored ' || i, '', '{{}}', 1, {now_us}, 'user:1', {now_us}, 'user:1'
         FROM n ORDER BY i",
        numbers(SCHEDULES)
    )
}

const PLACES: &str = "INSERT INTO execution_places (execution_id, tenant_id, organization_id, department_id)
                      SELECT DISTINCT execution_id, tenant_id, organization_id, coalesce(department_id, 0) FROM jobs";

fn attempts() -> String {
    "INSERT INTO attempts (id, job_id, number, state, checkin_number, fence, handed_us, started_us, finished_us, exit_code,
       duration_us, stdout_bytes)
     SELECT id, id, 1, state, 1, id, created_us, started_us, finished_us, exit_code, 3000000,
       CASE WHEN finished_us IS NULL THEN 0 ELSE 64 END FROM jobs WHERE attempt_id IS NOT NULL ORDER BY id"
        .into()
}

fn outputs(engine: Engine) -> String {
    let hex = "6f757470757420".repeat(9) + "0a";
    let data = match engine {
        Engine::Sqlite => format!("x'{hex}'"),
        Engine::Postgres => format!("'\\x{hex}'::bytea"),
    };
    format!(
        "INSERT INTO outputs (attempt_id, stream, start, data)
         SELECT id, 1, 0, {data} FROM attempts WHERE stdout_bytes > 0 ORDER BY id"
    )
}

/// What the engines would have done by themselves in that year.
fn settle(engine: Engine) -> Vec<String> {
    match engine {
        Engine::Sqlite => vec!["PRAGMA wal_checkpoint(TRUNCATE)".into()],
        Engine::Postgres => {
            let sequences = ["payloads", "executions", "jobs", "attempts"].map(|table| {
                format!(
                    "SELECT setval(pg_get_serial_sequence('{table}', 'id'), greatest((SELECT max(id) FROM {table}), 1))"
                )
            });
            let mut all = sequences.to_vec();
            all.push("VACUUM ANALYZE".into());
            all
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_organizations_are_the_whole() {
        let whole: u64 = ORGANIZATIONS.iter().map(|(_, share)| share).sum();
        assert_eq!(whole, 1000);
    }
}
