//! Real servers for the tests of this folder, on loopback, each with a folder and ports of its own: dnsmasq, nginx and
//! certificates. Network namespaces, where the tests run as root.

use std::{
    future::Future,
    net::{TcpStream, UdpSocket},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::tls::Trust;

const LIMIT: Duration = Duration::from_secs(20);

pub(in crate::perform) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_there() {
        assert!(begin.elapsed() < LIMIT, "waited too long for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A server, ended with its test.
#[derive(Debug)]
struct Server {
    child: Child,
    dir: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of loopback on which nobody listens, for TCP and UDP. Never the same twice, and outside of the range from
/// which the kernel gives ports to those who ask for any, so that nobody gets it meanwhile. The TCP port is bound to
/// see that it is free but never listened on: a process forked meanwhile would answer on it for a moment.
pub(in crate::perform) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed) + std::process::id() * 64;
        let port = u16::try_from(10_000 + number % 20_000).unwrap();
        let tcp = tokio::net::TcpSocket::new_v4().unwrap();
        tcp.set_reuseaddr(true).unwrap();
        let tcp = tcp.bind(([127, 0, 0, 1], port).into());
        if tcp.is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A port of loopback whose listener takes nobody any more: its queue is full, so further calls get no answer.
pub(in crate::perform) fn filtered_port() -> (Vec<std::os::fd::OwnedFd>, u16) {
    use nix::sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, connect, getsockname, listen, socket,
    };
    use std::os::fd::AsRawFd as _;

    let open = |flags| socket(AddressFamily::Inet, SockType::Stream, flags, None).unwrap();
    let listener = open(SockFlag::SOCK_CLOEXEC);
    bind(listener.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    listen(&listener, Backlog::new(0).unwrap()).unwrap();
    let address: SockaddrIn = getsockname(listener.as_raw_fd()).unwrap();
    let mut held = vec![listener];
    for _ in 0..4 {
        let caller = open(SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK);
        let _ = connect(caller.as_raw_fd(), &address);
        held.push(caller);
    }
    (held, address.port())
}

/// dnsmasq with a few records of `test.` and nothing else.
#[derive(Debug)]
pub(in crate::perform) struct NameServer {
    port: u16,
    /// Ended when this is dropped.
    _server: Server,
}

impl NameServer {
    pub(in crate::perform) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let text = "x".repeat(200);
        let long = (0..20).map(|number| format!("txt-record=long.test,{number}{text}\n"));
        let config = format!(
            "port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-daemon\nlocal=/test/\n\
             host-record=web.test,192.0.2.7,2001:db8::7\ncname=alias.test,web.test\nmx-host=mail.test,mx.test,10\n\
             txt-record=text.test,hello world\nsrv-host=_http._tcp.test,web.test,8080,5,9\n\
             caa-record=issue.test,0,issue,ca.test\npid-file=\nuser=\n{}",
            long.collect::<String>()
        );
        let path = dir.path().join("dnsmasq.conf");
        std::fs::write(&path, config).unwrap();
        let child = Command::new("dnsmasq")
            .arg(format!("--conf-file={}", path.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dnsmasq is installed (Debian package dnsmasq-base)");
        let server = Self {
            port,
            _server: Server { child, dir },
        };
        wait_for("dnsmasq", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        server
    }

    pub(in crate::perform) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// A certificate for `localhost` and `127.0.0.1`, by an authority of its own.
#[derive(Debug)]
pub(in crate::perform) struct Certificate {
    pub(in crate::perform) ca: String,
    chain: String,
    key: String,
}

impl Certificate {
    pub(in crate::perform) fn good() -> Self {
        Self::by("Test CA")
    }

    pub(in crate::perform) fn by(authority: &str) -> Self {
        Self::until(2095, authority)
    }

    pub(in crate::perform) fn expired() -> Self {
        Self::until(2021, "Test CA")
    }

    /// An authority's own certificate in the place of a server's, as `openssl req -x509` makes one.
    pub(in crate::perform) fn authority() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut own = rcgen::CertificateParams::new(names).unwrap();
        own.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        own.distinguished_name = named("self");
        let certificate = own.self_signed(&key).unwrap().pem();
        Self {
            ca: certificate.clone(),
            chain: certificate,
            key: key.serialize_pem(),
        }
    }

    fn until(year: i32, authority: &str) -> Self {
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        ca.distinguished_name = named(authority);
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        let issuer = rcgen::Issuer::new(ca, ca_key);
        let key = rcgen::KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut server = rcgen::CertificateParams::new(names).unwrap();
        server.distinguished_name = named("server");
        server.not_before = rcgen::date_time_ymd(2020, 1, 1);
        server.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = server.signed_by(&key, &issuer).unwrap();
        Self {
            ca: ca_certificate.pem(),
            chain: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    pub(in crate::perform) fn trust(&self) -> Trust {
        Trust::nobody().and(&self.ca).unwrap()
    }
}

fn named(name: &str) -> rcgen::DistinguishedName {
    let mut named = rcgen::DistinguishedName::new();
    named.push(rcgen::DnType::CommonName, name);
    named
}

/// nginx with HTTP on 127.0.0.1, and HTTPS on 127.0.0.1 (HTTP/2 as well) and 127.0.0.2.
#[derive(Debug)]
pub(in crate::perform) struct Nginx {
    pub(in crate::perform) http: u16,
    pub(in crate::perform) https: u16,
    server: Server,
}

impl Nginx {
    /// `locations` are those of both servers; `HTTP` and `HTTPS` in them stand for the ports. `/` answers 200 with
    /// `hello`; everything is written to the access log with the headers that matter.
    pub(in crate::perform) fn start(certificate: &Certificate, locations: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (http, https) = (free_port(), free_port());
        let root = dir.path().display().to_string();
        let locations = locations
            .replace("HTTPS", &https.to_string())
            .replace("HTTP", &http.to_string());
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|name| format!("{name}_temp_path {root}/{name};\n"))
            .collect();
        let config = format!(
            "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;\nevents {{}}\nhttp {{\n\
             {temporary}\
             log_format seen '$request_method $uri [$http_authorization] [$http_cookie] [$http_x_token] [$http_x_plain]';\n\
             access_log {root}/access.log seen;\n\
             default_type text/plain;\n\
             ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {root}/chain.pem; ssl_certificate_key {root}/key.pem;\n\
             server {{ listen 127.0.0.1:{http}; listen 127.0.0.1:{https} ssl http2; listen 127.0.0.2:{https} ssl;\n\
             location / {{ return 200 'hello'; }} location /files/ {{ root {root}; }}\n{locations}\n}}\n}}\n"
        );
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("nginx.conf", &config);
        write("chain.pem", &certificate.chain);
        write("key.pem", &certificate.key);
        let child = Command::new("nginx")
            .args(["-p", &root, "-e", &format!("{root}/error.log"), "-c"])
            .arg(dir.path().join("nginx.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is installed (Debian package nginx-light)");
        let nginx = Self {
            http,
            https,
            server: Server { child, dir },
        };
        wait_for("nginx", || TcpStream::connect(("127.0.0.1", https)).is_ok());
        nginx
    }

    /// Served as `/files/NAME`.
    pub(in crate::perform) fn file(&self, name: &str, content: &[u8]) {
        let folder = self.server.dir.path().join("files");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), content).unwrap();
    }

    /// A line for each request, once there are so many: method and path, and in brackets Authorization, Cookie, X-Token
    /// and X-Plain.
    pub(in crate::perform) fn seen(&self, count: usize) -> Vec<String> {
        let read = || {
            let text = std::fs::read_to_string(self.server.dir.path().join("access.log")).unwrap_or_default();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        wait_for("lines in the access log", || read().len() >= count);
        read()
    }
}
