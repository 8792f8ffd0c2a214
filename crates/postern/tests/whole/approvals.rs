//! Approvals that are answered at the same moment on two servers with one database.

use std::sync::Barrier;

use postern_api::{approvals::ApprovalAnswer, audit::AuditOutcome, workflows::InstanceCreate};
use postern_client::Client;
use postern_domain::{ApprovalId, WorkflowId, approval::Decision, workflow::engine::InstanceState};
use serde_json::json;

use crate::support::{Database, Door, Engine, Home, Server, soak, wait_for};

const ROUNDS: u32 = 20;
/// The code of an answer that came too late.
const ENDED: &str = "approval_ended";

struct World {
    /// Dropped last.
    _home: Home,
    _database: Database,
    _servers: [Server; 2],
    doors: [Door; 2],
    /// One at each server.
    people: [Client; 2],
}

impl World {
    fn new() -> Self {
        let home = Home::new();
        let database = Database::new(Engine::Postgres, "approvals");
        let servers =
            ["one", "two"].map(|name| Server::new(home.path(), name).database(database.url.as_deref()));
        servers.iter().for_each(Server::start);
        let doors = servers.each_ref().map(Door::open);
        let people = [("anna", 0), ("otto", 1)]
            .map(|(name, at): (&str, usize)| doors[0].person(name, "approver", &servers[at].url()));
        Self {
            _home: home,
            _database: database,
            _servers: servers,
            doors,
            people,
        }
    }

    /// Both answer at once, each at another server. `None`: counted; or the code of the refusal.
    fn answer(&self, id: ApprovalId, decisions: [Decision; 2]) -> [Option<String>; 2] {
        let together = &Barrier::new(2);
        let answer = |at: usize| {
            let answer = ApprovalAnswer {
                decision: decisions[at],
                comment: None,
                work_sha256: None,
            };
            together.wait();
            match self.doors[at].once(self.people[at].approval_answer(id, &answer)) {
                Ok(_) => None,
                Err(error) => Some(error.problem().expect("the server's word").code.clone()),
            }
        };
        std::thread::scope(|scope| {
            let answers = [0, 1].map(|at| scope.spawn(move || answer(at)));
            answers.map(|answer| answer.join().unwrap())
        })
    }

    /// What both were told, and what the instance came to. The record has exactly the answers that counted.
    fn round(&self, workflow: WorkflowId, decisions: [Decision; 2]) -> ([Option<String>; 2], InstanceState) {
        let instance = self.doors[0].start(workflow, &InstanceCreate::default());
        let id = self.doors[0].open_approval(instance);
        let said = self.answer(id, decisions);
        let state = wait_for("the instance to end", || {
            let state = self.doors[1].instance(instance).instance.state;
            state.is_final().then_some(state)
        });
        let recorded = self.doors[0].audit_of("approval_answer").into_iter();
        let recorded = recorded
            .filter(|record| {
                record.object == format!("approval:{id}") && record.outcome == AuditOutcome::Done
            })
            .count();
        let counted = said.iter().filter(|told| told.is_none()).count();
        assert_eq!(recorded, counted, "{said:?}");
        (said, state)
    }
}

#[test]
fn answers_at_the_same_moment_on_two_servers_count_as_if_one_had_come_first() {
    let world = World::new();
    let ask = |kind: &str| {
        let definition = json!({"steps": [
            {"id": "ask", "type": "approval", "title": "Go?", "approval_type": kind, "approvers": ["role:approver"]},
        ]});
        world.doors[0].publish(kind, &definition)
    };
    let [one, two] = ["one_of_many", "two_of_many"].map(ask);
    let mut first = [0; 2];
    for _ in 0..ROUNDS * soak() {
        let (said, state) = world.round(one, [Decision::Approve; 2]);
        let winner = match &said {
            [None, Some(told)] if told == ENDED => 0,
            [Some(told), None] if told == ENDED => 1,
            _ => panic!("not one that counts and one that is told: {said:?}"),
        };
        first[winner] += 1;
        assert_eq!(state, InstanceState::Completed);

        // Where two are needed, none of them overwrites the other's.
        let (said, state) = world.round(two, [Decision::Approve; 2]);
        assert_eq!((said, state), ([None, None], InstanceState::Completed));

        // A rejection ends it there, and an approval counts if it was earlier.
        let (said, state) = world.round(two, [Decision::Approve, Decision::Reject]);
        let [approved, rejected] = said;
        assert!(
            approved.as_deref().is_none_or(|told| told == ENDED),
            "{approved:?}"
        );
        assert_eq!((rejected, state), (None, InstanceState::Failed));
    }
    println!("first at each server: {first:?}");
    world.doors[0].assert_audit_is_intact();
}
