//! (i) Workflows of trivial steps on simulated agents: what a step costs when there is time, and how many steps there are
//! in a second when there is none.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use postern_api::{
    ListRequest,
    workflows::{Instance, InstanceCreate, InstanceDetail, Workflow, WorkflowCreate, WorkflowPublish},
};
use postern_client::{Client, IdempotencyKey};
use serde::Serialize;
use serde_json::json;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};

use super::only;
use crate::{
    accounting::cpu,
    arguments::WorkflowSize,
    programs::Server,
    simulated::Swarm,
    spread::{Spread, milliseconds, round, seconds},
};

const STEPS: usize = 10;
/// Instances that are started at the same time.
const AT_ONCE: usize = 48;
const WITHIN: Duration = Duration::from_secs(300);
/// Each look is a question to the server, which has the steps to do meanwhile. What is measured is what it wrote down.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, Serialize)]
pub(crate) struct Workflows {
    how: &'static str,
    agents: usize,
    steps_per_instance: usize,
    /// One instance after the other: from the begin of a step to the begin of the next, its job and its result in it.
    pub(crate) step_ms: Spread,
    instances: usize,
    /// From the first start to the end of the last instance.
    wall_s: f64,
    pub(crate) steps_per_second: f64,
    /// The same as `step_ms`, with all of them at once.
    busy_step_ms: Spread,
    server_cpu_per_step_ms: f64,
}

impl std::fmt::Display for Workflows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} instances of {} steps: {} steps/s; a step alone {}",
            self.instances, self.steps_per_instance, self.steps_per_second, self.step_ms
        )
    }
}

pub(crate) async fn measure(server: &Server, size: WorkflowSize) -> Result<Workflows> {
    let client = &server.client;
    let (swarm, _) = Swarm::join(server, "flow", size.agents).await?;
    let workflow = publish(client).await?;
    let mut alone = Vec::new();
    for _ in 0..size.alone {
        let made = start(client, &workflow, "flow-00000".to_owned()).await?;
        alone.extend(steps(&ended(client, &made).await?));
    }
    let (before, known) = (cpu(server.pid())?, swarm.acknowledged().0);
    let begun = Instant::now();
    let made = start_all(client, &workflow, size).await?;
    let count = u64::try_from(size.instances * STEPS)?;
    swarm.acknowledged_at_least(known + count, WITHIN).await?;
    until_all_ended(client).await?;
    let wall = begun.elapsed();
    let used = cpu(server.pid())?.total() - before.total();
    swarm.check()?;
    let mut busy = Vec::new();
    // A sample: each of them is a question of its own.
    for instance in made.iter().step_by(10) {
        busy.extend(steps(&ended(client, instance).await?));
    }
    let steps = f64::from(u32::try_from(count)?);
    Ok(Workflows {
        how: "workflows of commands on one host each, started through the REST API by 48 clients at once",
        agents: size.agents,
        steps_per_instance: STEPS,
        step_ms: Spread::of(alone).context("no instance ran alone")?,
        instances: size.instances,
        wall_s: seconds(wall),
        steps_per_second: round(steps / wall.as_secs_f64()),
        busy_step_ms: Spread::of(busy).context("no instance ran")?,
        server_cpu_per_step_ms: milliseconds(used) / steps,
    })
}

async fn publish(client: &Client) -> Result<Workflow> {
    let steps: Vec<_> = (0..STEPS)
        .map(|number| json!({"id": format!("s{number}"), "type": "command", "argv": ["true"]}))
        .collect();
    let create: WorkflowCreate =
        serde_json::from_value(json!({"name": "trivial", "definition": {"steps": steps}}))?;
    let made = client.workflow_create(&create, &IdempotencyKey::random()).await?;
    let publish = WorkflowPublish::default();
    client
        .workflow_publish(made.workflow.id, &publish, &IdempotencyKey::random())
        .await?;
    Ok(made.workflow)
}

async fn start(client: &Client, workflow: &Workflow, agent: String) -> Result<Instance> {
    let request = InstanceCreate {
        hosts: Some(only(vec![agent])),
        ..InstanceCreate::default()
    };
    Ok(client
        .instance_create(workflow.id, &request, &IdempotencyKey::random())
        .await?)
}

async fn start_all(client: &Client, workflow: &Workflow, size: WorkflowSize) -> Result<Vec<Instance>> {
    let (places, mut starting) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for number in 0..size.instances {
        let place = places.clone().acquire_owned().await?;
        let (client, workflow) = (client.clone(), workflow.clone());
        let agent = format!("flow-{:05}", number % size.agents);
        starting.spawn(async move {
            let made = start(&client, &workflow, agent).await;
            drop(place);
            made
        });
    }
    let mut all = Vec::with_capacity(size.instances);
    while let Some(made) = starting.join_next().await {
        all.push(made??);
    }
    Ok(all)
}

async fn ended(client: &Client, instance: &Instance) -> Result<InstanceDetail> {
    let (begun, id) = (Instant::now(), instance.id);
    loop {
        let detail = client.instance_show(id).await?;
        if detail.instance.state.is_final() {
            ensure!(
                detail.instance.state.as_str() == "completed",
                "instance {id}: {:?}",
                detail.instance
            );
            return Ok(detail);
        }
        if begun.elapsed() > WITHIN {
            bail!("instance {id} had not ended within {WITHIN:?}");
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn until_all_ended(client: &Client) -> Result<()> {
    let open = ListRequest {
        limit: Some(1),
        filter: vec![("state".into(), "pending,running,paused".into())],
        ..ListRequest::default()
    };
    let begun = Instant::now();
    while !client.instance_list(&open).await?.items.is_empty() {
        if begun.elapsed() > WITHIN {
            bail!("not every instance had ended within {WITHIN:?}");
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// From the begin of each step to the begin of the next; of the last one to its end.
fn steps(detail: &InstanceDetail) -> Vec<Duration> {
    let next = detail.runs.iter().skip(1).map(|run| Some(run.began_at));
    detail
        .runs
        .iter()
        .zip(next.chain([detail.instance.ended_at]))
        .filter_map(|(run, next)| Some(next?.since(run.began_at)))
        .collect()
}
