//! Programs of the host that jobs talk to: a web server with certificates and a name server, on loopback.

use std::{
    fs,
    net::{TcpStream, UdpSocket},
    path::{Path, PathBuf},
    process::Command,
};

use nix::unistd::geteuid;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::{environment, process::Running, server::free_port, wait_for};

/// nginx, once plain and twice over TLS.
#[derive(Debug)]
pub(crate) struct Nginx {
    pub(crate) http: u16,
    /// With a certificate for `localhost`.
    pub(crate) https: u16,
    /// With one for somebody else.
    pub(crate) mistaken: u16,
    /// Who signed both.
    pub(crate) ca: PathBuf,
    _process: Running,
}

impl Nginx {
    pub(crate) fn start(home: &Path) -> Self {
        let folder = home.join("nginx");
        fs::create_dir(&folder).unwrap();
        let dir = folder.display();
        let ca = authority(&folder, &["localhost", "other.test"]);
        let [http, https, mistaken] = [(); 3].map(|()| free_port());
        let tls = |port: u16, name: &str| {
            format!(
                "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {dir}/{name}.pem; \
                 ssl_certificate_key {dir}/{name}.key; return 200 'safe'; }}\n"
            )
        };
        let config = format!(
            "daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log; events {{}}\n\
             http {{ access_log off; client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir};\n\
             uwsgi_temp_path {dir}; scgi_temp_path {dir};\n\
             server {{ listen 127.0.0.1:{http}; location / {{ return 200 'hello'; }}\n\
             location /broken {{ return 503 'broken'; }} location /echo {{ return 200 'you said $http_x_token'; }}\n\
             location /near {{ return 302 http://127.0.0.1:{http}/; }}\n\
             location /metadata {{ return 302 http://169.254.169.254/; }}\n\
             location /other-port {{ return 302 https://127.0.0.1:{https}/; }} }}\n\
             {}{} }}\n",
            tls(https, "localhost"),
            tls(mistaken, "other.test"),
        );
        fs::write(folder.join("nginx.conf"), config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-c").arg(folder.join("nginx.conf"));
        let process = Running::start(&mut command, &home.join("nginx.log"));
        for port in [http, https, mistaken] {
            wait_for("nginx", || TcpStream::connect(("127.0.0.1", port)).ok());
        }
        Self {
            http,
            https,
            mistaken,
            ca,
            _process: process,
        }
    }
}

/// An authority of our own with a certificate for each name. Returns its file.
fn authority(folder: &Path, names: &[&str]) -> PathBuf {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "An authority for tests");
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    for name in names {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![(*name).to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let path = folder.join("ca.pem");
    fs::write(&path, issuer.pem()).unwrap();
    path
}

/// A mail server with STARTTLS that puts what it gets into a folder.
#[derive(Debug)]
pub(crate) struct MailServer {
    pub(crate) port: u16,
    /// Who signed its certificate, for `localhost`.
    pub(crate) ca: PathBuf,
    new: PathBuf,
    _process: Running,
}

impl MailServer {
    pub(crate) fn start(home: &Path) -> Self {
        let folder = home.join("mail");
        fs::create_dir(&folder).unwrap();
        let ca = authority(&folder, &["localhost"]);
        let (port, inbox) = (free_port(), folder.join("inbox"));
        let mut command = Command::new("aiosmtpd");
        command
            .args(["--nosetuid", "--class", "aiosmtpd.handlers.Mailbox"])
            .args(["--listen", &format!("localhost:{port}")])
            .arg("--tlscert")
            .arg(folder.join("localhost.pem"))
            .arg("--tlskey")
            .arg(folder.join("localhost.key"))
            .arg(&inbox);
        let process = Running::start(&mut command, &home.join("mail.log"));
        wait_for("the mail server", || TcpStream::connect(("localhost", port)).ok());
        Self {
            port,
            ca,
            new: inbox.join("new"),
            _process: process,
        }
    }

    /// What it got, as it came, in the order of arrival.
    pub(crate) fn letters(&self) -> Vec<String> {
        let mut files: Vec<_> = fs::read_dir(&self.new)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| (entry.metadata().unwrap().modified().unwrap(), entry.path()))
            .collect();
        files.sort();
        let read = |(_, path)| fs::read_to_string(path).unwrap().replace("\r\n", "\n");
        files.into_iter().map(read).collect()
    }
}

/// dnsmasq that knows one name.
#[derive(Debug)]
pub(crate) struct NameServer {
    pub(crate) address: String,
    _process: Running,
}

impl NameServer {
    pub(crate) fn start(home: &Path) -> Self {
        let port = free_port();
        let path = home.join("dnsmasq.conf");
        let config = format!(
            "port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-daemon\nlocal=/test/\n\
             host-record=web.test,192.0.2.7\npid-file=\nuser=\n"
        );
        fs::write(&path, config).unwrap();
        let mut command = Command::new("dnsmasq");
        command.arg(format!("--conf-file={}", path.display()));
        let process = Running::start(&mut command, &home.join("dnsmasq.log"));
        wait_for("dnsmasq", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self {
            address: format!("127.0.0.1:{port}"),
            _process: process,
        }
    }
}

/// Takes every question and answers none.
pub(crate) fn silent_name_server() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// Whether this machine's accounts, packages and services may be changed: as root, and where it was said.
pub(crate) fn may_destroy() -> bool {
    is_root() && environment("POSTERN_TEST_DESTRUCTIVE").is_some_and(|value| value == "1")
}

/// Says so when a test does nothing here.
pub(crate) fn skipped(unless: bool, why: &str) -> bool {
    if !unless {
        println!("skipped: {why}");
    }
    !unless
}
