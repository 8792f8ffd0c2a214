//! A PostgreSQL that goes away: cut off by a proxy between it and the store.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use postern_store::{Error, audit, system, tx};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{database::TestDatabase, world::NOW};

/// How the way to the server is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    /// Every connection is cut and every new one refused, as while a server restarts.
    Cut,
    /// Connections stay, and nothing arrives any more.
    Silent,
}

pub(crate) struct Proxy {
    pub(crate) url: String,
    pub(crate) way: watch::Sender<Way>,
    connections: Arc<AtomicU32>,
}

impl Proxy {
    pub(crate) async fn before(db: &TestDatabase) -> Self {
        let rest = db.url.split_once('@').expect("a URL with a user").1;
        let server = rest.split_once('/').expect("a URL with a database").0.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = db
            .url
            .replacen(&server, &listener.local_addr().unwrap().to_string(), 1);
        let (way, ways) = watch::channel(Way::Open);
        let connections = Arc::new(AtomicU32::new(0));
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let (server, ways) = (server.clone(), ways.clone());
                tokio::spawn(async move { carry(client, &server, ways).await });
            }
        });
        Self {
            url,
            way,
            connections,
        }
    }

    /// How many were tried.
    pub(crate) fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn carry(mut client: TcpStream, server: &str, mut ways: watch::Receiver<Way>) {
    if *ways.borrow() == Way::Cut {
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    let way = tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => Way::Cut,
        way = ways.wait_for(|way| *way != Way::Open) => way.map_or(Way::Cut, |way| *way),
    };
    if way == Way::Silent {
        // Both sockets stay open, and nobody reads them, until the test is over.
        let _ = ways.wait_for(|way| *way == Way::Cut).await;
    }
}

async fn write(db: &TestDatabase, name: &'static str) -> Result<Vec<u8>, Error> {
    db.write(tx!(tx => system::secret_keep(tx, name, vec![1], NOW).await))
        .await
}

/// Writes until it works again; what comes before must say that it is worth trying.
async fn until_it_works(db: &TestDatabase, name: &'static str) {
    let began = Instant::now();
    while let Err(error) = write(db, name).await {
        assert!(error.is_transient(), "{error:?}");
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "the pool does not recover: {error:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn the_pool_recovers_from_a_restart(db: TestDatabase) {
    let proxy = Proxy::before(&db).await;
    let through = TestDatabase::open(proxy.url.clone()).await;
    let mut heard = through.listen("wake").await.unwrap().expect("PostgreSQL");
    for result in join_all(["a", "b", "c", "d", "e", "f"].map(|name| write(&through, name))).await {
        result.unwrap();
    }
    proxy.way.send(Way::Cut).unwrap();
    let down = write(&through, "while down").await;
    assert!(matches!(down, Err(Error::Unreachable(_))), "{down:?}");
    let ended = tokio::time::timeout(Duration::from_secs(10), heard.recv()).await;
    assert_eq!(ended, Ok(None), "who listens learns that it is over");
    let listen = through.listen("wake").await.map(|_| ());
    assert!(matches!(listen, Err(Error::Unreachable(_))), "{listen:?}");

    proxy.way.send(Way::Open).unwrap();
    until_it_works(&through, "after").await;
    let again = join_all(["g", "h", "i", "j", "k", "l"].map(|name| write(&through, name))).await;
    assert!(again.iter().all(Result::is_ok), "{again:?}");
    assert_eq!(
        db.raw("SELECT count(*) FROM secrets WHERE name = 'while down'")
            .await,
        [["0"]]
    );
}

async fn the_pool_recovers_when_its_sessions_are_ended(db: TestDatabase) {
    join_all(["a", "b", "c", "d"].map(|name| write(&db, name))).await;
    let (inside, is_inside) = tokio::sync::oneshot::channel();
    let (go, go_on) = tokio::sync::oneshot::channel::<()>();
    let cut = tokio::spawn({
        let db = db.clone();
        async move {
            db.write(tx!(tx => {
                system::secret_keep(tx, "half", vec![1], NOW).await?;
                let _ = inside.send(());
                let _ = go_on.await;
                system::secret_keep(tx, "whole", vec![1], NOW).await
            }))
            .await
        }
    });
    is_inside.await.unwrap();
    db.raw(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()",
    )
    .await;
    go.send(()).unwrap();
    let cut = cut.await.unwrap();
    assert!(cut.as_ref().is_err_and(Error::is_transient), "{cut:?}");
    until_it_works(&db, "after").await;
    assert_eq!(
        db.raw("SELECT count(*) FROM secrets WHERE name IN ('half', 'whole')")
            .await,
        [["0"]]
    );
}

/// What nobody waits for goes out with the COMMIT, and the answer to neither comes.
async fn a_commit_that_is_not_answered_says_that_nobody_knows(db: TestDatabase) {
    let proxy = Proxy::before(&db).await;
    let through = TestDatabase::open(proxy.url.clone()).await;
    let entry = |object: &str| vec![audit::Entry::by_system(NOW, "cut", object.to_owned())];
    let (before, after) = (entry("before"), entry("after"));
    let way = proxy.way.clone();
    let cut = through
        .write(tx!(tx => {
            audit::append(tx, before).await?;
            system::ping(tx).await?;
            way.send(Way::Cut).unwrap();
            audit::append(tx, after).await
        }))
        .await;
    assert!(
        matches!(&cut, Err(Error::Unreachable(why)) if why.contains("is unknown")),
        "{cut:?}"
    );
    proxy.way.send(Way::Open).unwrap();
    until_it_works(&through, "after").await;
}

async fn a_server_that_falls_silent_is_given_up_after_the_deadline(db: TestDatabase) {
    let proxy = Proxy::before(&db).await;
    let through = TestDatabase::open(proxy.url.clone()).await;
    write(&through, "before").await.unwrap();
    proxy.way.send(Way::Silent).unwrap();
    let began = Instant::now();
    let silent = write(&through, "into the silence").await;
    assert!(matches!(silent, Err(Error::Deadline)), "{silent:?}");
    assert!(
        (14..20).contains(&began.elapsed().as_secs()),
        "{:?}",
        began.elapsed()
    );
    proxy.way.send(Way::Open).unwrap();
    // The connection that did not answer is not tried again.
    let began = Instant::now();
    write(&through, "after").await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// Cancelling callers must not use up the connections.
async fn callers_that_leave_do_not_use_up_the_pool(db: TestDatabase) {
    let stop = Arc::new(AtomicBool::new(false));
    for _ in 0..60 {
        let (db, stop) = (db.clone(), stop.clone());
        let task = tokio::spawn(async move {
            db.write(tx!(_tx => {
                while !stop.load(Ordering::Relaxed) {
                    tokio::task::yield_now().await;
                }
                Ok(())
            }))
            .await
        });
        tokio::task::yield_now().await;
        task.abort();
        let _ = task.await;
    }
    write(&db, "after").await.unwrap();
    stop.store(true, Ordering::Relaxed);
}

/// More callers than there are connections leave in the middle of what they write: it is taken back, and uses up no
/// connection.
async fn what_callers_left_half_done_is_taken_back(db: TestDatabase) {
    for _ in 0..60 {
        let (inside, is_inside) = tokio::sync::oneshot::channel();
        let task = tokio::spawn({
            let db = db.clone();
            async move {
                db.write(tx!(tx => {
                    system::secret_keep(tx, "half", vec![1], NOW).await?;
                    let _ = inside.send(());
                    std::future::pending::<Result<(), Error>>().await
                }))
                .await
            }
        });
        is_inside.await.unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    assert_eq!(
        db.raw("SELECT count(*) FROM secrets WHERE name = 'half'").await,
        [["0"]]
    );
    // No lock was left behind.
    assert_eq!(write(&db, "half").await.unwrap(), [1]);
    let after = ["a", "b", "c", "d", "e", "f"].map(|name| write(&db, name));
    assert!(join_all(after).await.iter().all(Result::is_ok));
    assert_eq!(db.raw("SELECT count(*) FROM secrets").await, [["7"]]);
}

on_postgres_alone!(
    the_pool_recovers_from_a_restart,
    the_pool_recovers_when_its_sessions_are_ended,
    a_commit_that_is_not_answered_says_that_nobody_knows,
    a_server_that_falls_silent_is_given_up_after_the_deadline,
    callers_that_leave_do_not_use_up_the_pool,
    what_callers_left_half_done_is_taken_back,
);
