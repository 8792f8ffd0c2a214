//! Each tick of a schedule has exactly one child: with two servers, and with servers that are killed in the middle.
//!
//! Real minutes pass, so each test takes about two of them; what they lack in ticks is made up by schedules.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::{Duration, Instant},
};

use postern_api::{ListRequest, schedules::TickFate};
use postern_domain::{ExecutionId, ScheduleId, job::JobState};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;

use crate::support::{
    Agent, Connect, Database, Door, Engine, Home, Proxy, Server, pause, wait_for, wait_within,
};

/// Where a server dies while it sees to a tick: before it, with its child written and not committed, and after it.
pub(crate) const POINTS: [&str; 3] = ["before-schedule-tick", "in-schedule-tick", "after-schedule-tick"];
/// Each point is tried at its first, second and third time.
const TIMES: usize = 3;
const SCHEDULES: usize = 40;
/// Ticks of each.
const TICKS: u32 = 2;
const MINUTE: Duration = Duration::from_secs(60);
/// Until the next minute begins, with something on top.
const NEXT_MINUTE: Duration = Duration::from_secs(90);

struct World {
    home: Home,
    door: Door,
    schedules: Vec<ScheduleId>,
    agents: Vec<Agent>,
}

impl World {
    /// Its schedules tick every minute, and end by themselves.
    fn new(home: Home, door: Door, servers: &[String]) -> Self {
        let name = |number| format!("agent-{number}");
        let agents: Vec<Agent> = (0..2)
            .map(|number| door.agent(home.path(), &name(number), &servers[number % servers.len()]))
            .collect();
        let ledger = home.join("ledger");
        let schedules = (0..SCHEDULES).map(|number| {
            let content = "echo \"$POSTERN_JOB_ID $PARAM_SCHEDULE\" >> \"$PARAM_LEDGER\"";
            let parameters = json!({"schedule": format!("schedule-{number}"), "ledger": ledger});
            let script = json!({"language": "bash", "content": content, "parameters": parameters});
            door.schedule_create(json!({
                "name": format!("schedule-{number}"),
                "definition": {
                    "cron": "* * * * *",
                    "overlap": "allow",
                    "max_runs": TICKS,
                    "work": {"kind": "job", "job": {"type": "script", "payload": script}},
                    "targets": {"agents": [name(number % 2)]},
                },
            }))
        });
        Self {
            schedules: schedules.collect(),
            home,
            door,
            agents,
        }
    }

    /// How often each schedule ran, the least of them.
    fn least_runs(&self) -> u32 {
        let list = ListRequest::default();
        let list = &list;
        let all = self.door.ask("schedule_list", |client| async move {
            client.schedule_list_all(list, SCHEDULES).await
        });
        assert_eq!(all.items.len(), SCHEDULES);
        all.items.iter().map(|schedule| schedule.runs).min().unwrap()
    }

    fn wait_for_runs(&self, runs: u32) {
        wait_within(
            NEXT_MINUTE,
            &format!("every schedule to run {runs} times"),
            || (self.least_runs() >= runs).then_some(()),
        );
    }

    /// The ticks, the executions, the jobs and their effects: as many of each, and each belongs to one of the others.
    fn judge(&self) {
        let door = &self.door;
        wait_for("every job to end", || {
            door.jobs_in("queued,pending,running").is_empty().then_some(())
        });
        let mut jobs: BTreeMap<ExecutionId, Vec<i64>> = BTreeMap::new();
        for job in door.jobs_in("completed,failed,timeout,cancelled,unknown") {
            assert_eq!(job.state, JobState::Completed, "{job:?}");
            jobs.entry(job.execution_id.unwrap()).or_default().push(job.id.0);
        }
        let executions = door.executions();
        assert_eq!(executions.len(), jobs.len(), "executions without jobs");
        let mut ledger = read(&self.home.join("ledger"));
        for (number, id) in self.schedules.iter().enumerate() {
            let ticks = door.ticks(*id);
            assert!(
                ticks
                    .iter()
                    .all(|tick| tick.fate == TickFate::Ran && tick.ticks == 1),
                "{ticks:?}"
            );
            assert_eq!(ticks.len(), TICKS as usize, "{ticks:?}");
            for pair in ticks.windows(2) {
                assert!(pair[0].at < pair[1].at, "a tick comes once: {ticks:?}");
                assert_eq!(
                    pair[1].at.since(pair[0].at),
                    MINUTE,
                    "none was left out: {ticks:?}"
                );
            }
            let told: BTreeSet<ExecutionId> = ticks.iter().filter_map(|tick| tick.execution_id).collect();
            let made = executions
                .values()
                .filter(|execution| execution.schedule_id == Some(*id));
            let made: BTreeSet<ExecutionId> = made.map(|execution| execution.id).collect();
            assert_eq!(
                (&told, told.len()),
                (&made, TICKS as usize),
                "one child for each tick"
            );
            for execution in made {
                let [job] = jobs[&execution][..] else {
                    panic!("{:?}", jobs[&execution])
                };
                let lines = ledger.remove(&job);
                assert_eq!(
                    lines,
                    Some(vec![format!("schedule-{number}")]),
                    "job {job} ran once"
                );
            }
            let schedule = door.schedule(*id);
            assert_eq!((schedule.runs, schedule.next_at), (TICKS, None), "it has ended");
        }
        assert!(ledger.is_empty(), "jobs of no tick ran: {ledger:?}");
        wait_for("every journal to be empty", || {
            self.agents.iter().all(Agent::is_empty).then_some(())
        });
        door.assert_audit_is_intact();
    }
}

/// What ran, by job.
fn read(ledger: &Path) -> BTreeMap<i64, Vec<String>> {
    let mut lines: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for line in fs::read_to_string(ledger).unwrap().lines() {
        let (job, schedule) = line.split_once(' ').unwrap();
        lines
            .entry(job.parse().unwrap())
            .or_default()
            .push(schedule.to_owned());
    }
    lines
}

#[test]
fn two_servers_with_one_database_make_one_child_for_each_tick() {
    let home = Home::new();
    let database = Database::new(Engine::Postgres, "schedules2");
    let servers = ["one", "two"].map(|name| Server::new(home.path(), name).database(database.url.as_deref()));
    servers.iter().for_each(Server::start);
    let network = Proxy::start(Connect::Plain, &servers.each_ref().map(|server| server.port));
    let door = Door::open_at(&network.url(), &servers[0].ca_path());
    let world = World::new(home, door, &[network.url()]);
    world.wait_for_runs(1);
    // The other one sees to the rest, so both of them looked.
    servers[0].kill();
    world.wait_for_runs(TICKS);
    servers[0].start();
    world.judge();
}

#[test]
fn a_server_killed_around_a_tick_makes_one_child_for_it_on_both_databases() {
    // Side by side: most of the time they wait for the same minute.
    std::thread::scope(|scope| {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            scope.spawn(move || killed(engine));
        }
    });
}

fn killed(engine: Engine) {
    let home = Home::new();
    let database = Database::new(engine, "schedules");
    let server = Server::new(home.path(), "server").database(database.url.as_deref());
    server.start();
    let door = Door::open(&server);
    let world = World::new(home, door, &[server.url()]);
    if cfg!(feature = "failpoints") {
        kill_at_points(&server);
    }
    server.start();
    world.wait_for_runs(1);
    let kills = kill_at_random(&server, &world);
    world.judge();
    println!("{engine:?}: {SCHEDULES} schedules, {TICKS} ticks, {kills} kills at random");
}

/// At the first ticks of all.
fn kill_at_points(server: &Server) {
    for time in 1..=TIMES {
        for point in POINTS {
            let point = format!("{point}:{time}");
            server.kill();
            server.launch(&[("POSTERN_FAILPOINT", &point)]);
            wait_within(NEXT_MINUTE, &format!("the server to die at {point}"), || {
                (!server.is_running()).then_some(())
            });
        }
    }
}

/// Until every schedule ran as often as it should. How often it died.
fn kill_at_random(server: &Server, world: &World) -> usize {
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let begin = Instant::now();
    let mut kills = 0;
    while world.least_runs() < TICKS {
        assert!(begin.elapsed() < NEXT_MINUTE, "the second ticks did not come");
        let life = Duration::from_millis(random.random_range(20..600));
        let birth = Instant::now();
        while birth.elapsed() < life {
            pause();
        }
        server.kill();
        kills += 1;
        server.start();
    }
    kills
}
