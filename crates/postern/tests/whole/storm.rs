//! Nothing lost, nothing twice: jobs on real agents while servers, agents and shims are killed at random.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use postern_domain::JobId;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::support::{
    Agent, Connect, Database, Door, Engine, Home, Ledger, Proxy, Server, environment, judge, pause, soak,
    wait_within,
};

const AGENTS: usize = 5;
const JOBS: usize = 200;
const KILLS: usize = 60;
/// How long one storm may take, waiting for the last result included.
const STORM: Duration = Duration::from_secs(300);

struct Storm {
    random: StdRng,
    servers: Vec<Server>,
    agents: Vec<Agent>,
    ledger: Ledger,
    /// Attempts whose shim was killed.
    killed: BTreeSet<i64>,
    kills: [usize; 3],
}

#[test]
fn storm_on_sqlite_loses_nothing_and_runs_nothing_twice() {
    storm(Engine::Sqlite, 1);
}

#[test]
fn storm_on_postgres_loses_nothing_and_runs_nothing_twice() {
    storm(Engine::Postgres, 1);
}

#[test]
fn storm_on_two_servers_with_one_database_loses_nothing_and_runs_nothing_twice() {
    storm(Engine::Postgres, 2);
}

fn storm(engine: Engine, servers: usize) {
    let seed = environment("POSTERN_SEED").map_or_else(
        || u64::from(std::process::id()) << 8 | u64::try_from(servers).unwrap(),
        |text| text.parse().expect("POSTERN_SEED is a number"),
    );
    for round in 0..soak() {
        let seed = seed + u64::from(round);
        println!("storm on {engine:?} with {servers} server(s): POSTERN_SEED={seed}");
        one_storm(engine, servers, seed);
    }
}

fn one_storm(engine: Engine, servers: usize, seed: u64) {
    let begin = Instant::now();
    let home = Home::new();
    let database = Database::new(engine, &format!("storm{servers}"));
    let servers: Vec<Server> = (0..servers)
        .map(|number| Server::new(home.path(), &format!("server-{number}")).database(database.url.as_deref()))
        .collect();
    servers.iter().for_each(Server::start);
    // Agents and the operator go through it, and so to whichever server is there.
    let ports: Vec<u16> = servers.iter().map(|server| server.port).collect();
    let network = Proxy::start(Connect::Plain, &ports);
    let door = Door::open_at(&network.url(), &servers[0].ca_path());
    let agents = (0..AGENTS)
        .map(|number| door.agent(home.path(), &format!("agent-{number}"), &network.url()))
        .collect();
    let mut storm = Storm {
        random: StdRng::seed_from_u64(seed),
        servers,
        agents,
        ledger: Ledger::new(home.path()),
        killed: BTreeSet::new(),
        kills: [0; 3],
    };
    let creating = {
        let (door, ledger) = (door.clone(), storm.ledger.clone());
        let mut random = StdRng::seed_from_u64(!seed);
        // While the storm goes on: a creation may be hit as well, and is repeated under its key.
        std::thread::spawn(move || -> Vec<JobId> {
            (0..JOBS)
                .map(|number| {
                    let agent = format!("agent-{}", number % AGENTS);
                    let seconds = random.random_range(0.0..2.0);
                    door.run(&ledger.job(seconds, &[&agent])).id
                })
                .collect()
        })
    };
    for _ in 0..KILLS {
        storm.kill_one(STORM.saturating_sub(begin.elapsed()));
    }
    // Before it is waited for: creations need a server.
    storm.restart_all();
    let jobs = creating.join().unwrap();
    let left = STORM.saturating_sub(begin.elapsed());
    wait_within(left, "every job to end", || {
        door.jobs_in("queued,pending,running").is_empty().then_some(())
    });
    let verdict = judge(&door, &storm.ledger, &jobs, &storm.killed);
    wait_within(Duration::from_secs(60), "every journal to be empty", || {
        storm.agents.iter().all(Agent::is_empty).then_some(())
    });
    let [servers, agents, shims] = storm.kills;
    println!(
        "{JOBS} jobs in {:.0} s under kill -9 of {servers} servers, {agents} agents, {shims} shims: {verdict:?}",
        begin.elapsed().as_secs_f32()
    );
    let every = door.jobs_in("completed,failed,timeout,cancelled,unknown").len();
    assert_eq!(every, JOBS, "a creation that was repeated made nothing twice");
}

impl Storm {
    /// Lets some work happen, then kills something, and starts again what was killed before.
    fn kill_one(&mut self, limit: Duration) {
        let target = self.ledger.lines() + self.random.random_range(0..8);
        let begin = Instant::now();
        let patience = Duration::from_millis(self.random.random_range(50..900)).min(limit);
        while self.ledger.lines() < target && begin.elapsed() < patience {
            pause();
        }
        match self.random.random_range(0..10) {
            0..3 => {
                let victim = self.random.random_range(0..self.servers.len());
                self.servers[victim].kill();
                self.kills[0] += 1;
            }
            3..6 => {
                let victim = self.random.random_range(0..self.agents.len());
                self.agents[victim].kill();
                self.kills[1] += 1;
            }
            _ => self.kill_shim(),
        }
        // Sometimes the dead stay dead until the next kill.
        if self.random.random_bool(0.7) {
            self.restart_all();
        }
    }

    fn kill_shim(&mut self) {
        let agent = self.random.random_range(0..self.agents.len());
        let shims = self.agents[agent].shims();
        if shims.is_empty() {
            return;
        }
        let (attempt, pid) = shims[self.random.random_range(0..shims.len())];
        // Noted first: it may be gone already, and then its result is there, which the verdict allows.
        self.killed.insert(attempt);
        if Agent::kill_shim(pid) {
            self.kills[2] += 1;
        }
    }

    fn restart_all(&self) {
        for server in &self.servers {
            if !server.is_running() {
                server.launch(&[]);
            }
        }
        for agent in &self.agents {
            if !agent.is_running() {
                agent.start();
            }
        }
    }
}
