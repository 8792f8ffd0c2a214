//! A network between agents and servers that a test can cut: a TCP proxy on threads, plain or by `CONNECT`.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

/// Whether the proxy asks for its target (HTTP `CONNECT`) or has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connect {
    Plain,
    ByRequest,
}

#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    kind: Connect,
    targets: Vec<SocketAddr>,
    next: AtomicUsize,
    /// Connections that came through.
    passed: AtomicUsize,
    ended: AtomicBool,
    state: Mutex<State>,
    thawed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    frozen: bool,
    /// Connections older than this carry nothing any more, as if a firewall had forgotten them.
    oldest: usize,
    made: usize,
    open: Vec<TcpStream>,
}

impl Proxy {
    pub(crate) fn start(kind: Connect, ports: &[u16]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            kind,
            targets: ports
                .iter()
                .map(|port| SocketAddr::from(([127, 0, 0, 1], *port)))
                .collect(),
            next: AtomicUsize::new(0),
            passed: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            state: Mutex::default(),
            thawed: Condvar::new(),
        });
        let serving = shared.clone();
        let accepting = std::thread::spawn(move || serving.accept(&listener));
        Self {
            port,
            shared,
            accepting: Some(accepting),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(crate) fn passed(&self) -> usize {
        self.shared.passed.load(Ordering::Relaxed)
    }

    /// From now on nothing is accepted and nothing forwarded; all connections stay open.
    pub(crate) fn freeze(&self) {
        self.shared.state().frozen = true;
    }

    /// What was held back goes on its way.
    pub(crate) fn thaw(&self) {
        self.shared.state().frozen = false;
        self.shared.thawed.notify_all();
    }

    /// New connections work; the ones from before stay open and carry nothing for ever.
    pub(crate) fn thaw_for_new_connections(&self) {
        let mut state = self.shared.state();
        state.oldest = state.made;
        state.frozen = false;
        drop(state);
        self.shared.thawed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        for stream in std::mem::take(&mut self.shared.state().open) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.thaw();
        // Wakes the accepting thread.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while frozen. `None`: this connection is one of the forgotten, or all is over.
    fn gate(&self, number: usize) -> Option<()> {
        let mut state = self.state();
        while !self.ended.load(Ordering::Relaxed) && (state.frozen || number < state.oldest) {
            state = self.thawed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        (!self.ended.load(Ordering::Relaxed)).then_some(())
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept() else {
                return;
            };
            if self.gate(usize::MAX).is_none() {
                return;
            }
            let shared = self.clone();
            std::thread::spawn(move || {
                let _ = shared.serve(stream);
            });
        }
    }

    fn serve(self: &Arc<Self>, client: TcpStream) -> std::io::Result<()> {
        let server = match self.kind {
            Connect::Plain => self.dial()?,
            Connect::ByRequest => ask_where_to(&client)?,
        };
        self.passed.fetch_add(1, Ordering::Relaxed);
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let number = {
            let mut state = self.state();
            state.made += 1;
            state.open.push(client.try_clone()?);
            state.open.push(server.try_clone()?);
            state.made - 1
        };
        let back = (server.try_clone()?, client.try_clone()?);
        let shared = self.clone();
        std::thread::spawn(move || shared.copy(back.0, back.1, number));
        self.copy(client, server, number);
        Ok(())
    }

    /// The next server in turn that is there.
    fn dial(&self) -> std::io::Result<TcpStream> {
        let mut last = None;
        for _ in &self.targets {
            let index = self.next.fetch_add(1, Ordering::Relaxed) % self.targets.len();
            match TcpStream::connect(self.targets[index]) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        Err(last.expect("at least one target"))
    }

    fn copy(&self, mut from: TcpStream, mut to: TcpStream, number: usize) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            if self.gate(number).is_none() || read == 0 || to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

/// Reads `CONNECT host:port` with its headers, dials and says yes.
fn ask_where_to(client: &TcpStream) -> std::io::Result<TcpStream> {
    let wrong = || std::io::Error::other("not a CONNECT");
    let mut lines = BufReader::with_capacity(1, client);
    let mut first = String::new();
    lines.read_line(&mut first)?;
    let mut header = String::new();
    while lines.read_line(&mut header)? > 2 {
        header.clear();
    }
    let target = first
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next())
        .ok_or_else(wrong)?;
    let server = TcpStream::connect(target)?;
    let mut client = client;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    Ok(server)
}
