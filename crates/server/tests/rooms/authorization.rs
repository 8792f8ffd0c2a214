//! Every operation of the OpenAPI document × every role at every kind of scope, nobody, anonymous, and tokens that
//! carry one permission × an object in the own organization, in another, in another tenant, and nowhere.
//!
//! What is expected follows from the role table, the scope and the operation's `x-permission` alone. An operation
//! that is new in the document has no probe, and the test fails until it has one.

mod audited;
mod lists;
mod probe;
mod world;

use postern_domain::permission::{Permission, Place};
use postern_testkit::TestServer;

use crate::openapi;
use probe::{Object, Probe, probe_of};
use world::{Caller, Spot, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Expected {
    /// 401
    SignIn,
    /// 403
    Forbidden,
    /// As if it were not there: 404, or 422 where the object is named in the body.
    Hidden,
    /// Done, or refused for another reason than who asks.
    Allowed,
}

fn expected(caller: &Caller, probe: &Probe, spot: Spot, world: &World) -> Expected {
    let needed = match &*probe.permission {
        "public" => return Expected::Allowed,
        _ if caller.id.is_none() => return Expected::SignIn,
        "signed_in" => None,
        text => Some(text.parse::<Permission>().expect("a permission")),
    };
    if let Some(needed) = needed
        && !caller.may_somewhere(needed)
    {
        return Expected::Forbidden;
    }
    let here = world.place_of(spot, probe.object);
    match (probe.object, needed, here) {
        (Object::None, ..) => Expected::Allowed,
        // New users and organizations go into the caller's own tenant.
        (Object::OwnTenant, Some(needed), _) => {
            let tenant = Place::tenant(world.own.id);
            if caller.may(needed, tenant) {
                Expected::Allowed
            } else {
                Expected::Forbidden
            }
        }
        (_, _, None) => Expected::Hidden,
        (Object::Token, _, Some(place)) => {
            if caller.may(Permission::UsersManage, place) {
                Expected::Allowed
            } else {
                Expected::Hidden
            }
        }
        // Whoever could set the password of one who holds more would hold it too.
        (Object::User, Some(needed), Some(place))
            if caller.may(needed, place)
                && ["user_update", "user_delete"].contains(&&*probe.name)
                && !world.covers_the_user(caller, spot) =>
        {
            Expected::Forbidden
        }
        (_, Some(needed), Some(place)) if caller.may(needed, place) => Expected::Allowed,
        (Object::Target, ..) => Expected::Hidden,
        (_, _, Some(place)) if caller.may(probe.seen_by, place) => Expected::Forbidden,
        _ => Expected::Hidden,
    }
}

fn fits(expected: Expected, object: Object, status: u16, code: &str) -> bool {
    match expected {
        Expected::SignIn => status == 401,
        Expected::Forbidden => {
            status == 403 && ["permission_missing", "user_has_more_rights"].contains(&code)
        }
        Expected::Hidden if matches!(object, Object::Target | Object::Home) => status == 422,
        Expected::Hidden => status == 404 && code == "not_found",
        // Whoever may answer must have been asked as well.
        Expected::Allowed => {
            matches!(status, 200..=299 | 409 | 422) || (status == 403 && code == "not_asked")
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_asks_who_calls_and_where() {
    let server = TestServer::start().await;
    let world = World::make(&server).await;
    let callers = world.callers(&server).await;
    let document = openapi::document();
    let probes: Vec<Probe> = openapi::operations(&document)
        .iter()
        .map(|(method, path, operation)| probe_of(method, path, operation))
        .collect();
    let wrong = std::sync::Mutex::new(Vec::new());
    let tried = std::sync::Mutex::new(std::collections::HashMap::<Expected, usize>::new());
    let (server, world, probes) = (&server, &world, &probes);
    let all = callers.iter().map(|caller| async {
        for probe in probes {
            for spot in Spot::ALL {
                let expected = expected(caller, probe, spot, world);
                let (status, code) = world
                    .try_it(server, caller, probe, spot, expected == Expected::Allowed)
                    .await;
                *tried.lock().unwrap().entry(expected).or_default() += 1;
                if !fits(expected, probe.object, status, &code) {
                    let line = format!(
                        "{}: {} {spot:?}: {expected:?}, got {status} {code}",
                        caller.name, probe.name
                    );
                    wrong.lock().unwrap().push(line);
                }
            }
        }
    });
    // Several callers at once: refusals are written down, and writes share their commits.
    join_all(all.collect()).await;
    let wrong = wrong.into_inner().unwrap();
    let tried = tried.into_inner().unwrap();
    assert!(
        tried.len() == 4 && tried.values().all(|count| *count > 100),
        "one-sided: {tried:?}"
    );
    assert!(
        wrong.is_empty(),
        "{} answers are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// All of them, interleaved on this task.
async fn join_all<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut waiting: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        waiting.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if waiting.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}
