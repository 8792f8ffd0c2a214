//! Where the server is and who is asking: the stored login, and the environment over it.

use std::{
    ffi::OsString,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use postern_client::{Client, Credentials, Secret, Trust, Url};
use postern_domain::TokenId;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

const FILE: &str = "login.toml";
const NOT_SIGNED_IN: &str =
    "not signed in: use `postern login URL`, or set POSTERN_URL and POSTERN_TOKEN (and POSTERN_CA)";

/// What `postern login` leaves behind.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    pub(crate) url: String,
    pub(crate) token: String,
    /// Set when the token was made by `postern login`, which then also ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_id: Option<TokenId>,
    /// Certificates in PEM form, not a path: the file they came from may move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<String>,
}

/// The environment, read once; a value of its own so that precedence can be tested.
#[derive(Default)]
pub(crate) struct Environment {
    pub(crate) url: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) ca: Option<PathBuf>,
    config_dir: Option<PathBuf>,
    xdg_config_home: Option<PathBuf>,
    home: Option<PathBuf>,
}

#[allow(clippy::disallowed_methods, reason = "this is the place the ban points to")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Secrets come from the environment: a command line can be read by others.
pub(crate) fn secret(name: &str) -> Option<String> {
    variable(name)?.into_string().ok()
}

/// What to log, as tracing's directives.
pub(crate) fn log_directives() -> Option<String> {
    variable("POSTERN_LOG")?.into_string().ok()
}

pub(crate) fn no_colour() -> bool {
    variable("NO_COLOR").is_some()
}

/// What a new API token is named after.
pub(crate) fn host_name() -> String {
    #[cfg(unix)]
    let name = nix::unistd::gethostname().ok();
    #[cfg(not(unix))]
    let name = variable("COMPUTERNAME");
    let name: String = name
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))
        .take(80)
        .collect();
    if name.is_empty() { "host".to_owned() } else { name }
}

impl Environment {
    pub(crate) fn read() -> Result<Self, Failure> {
        let text = |name: &str| {
            variable(name)
                .map(|value| {
                    value
                        .into_string()
                        .map_err(|_| Failure::usage(format!("{name} is not UTF-8")))
                })
                .transpose()
        };
        let path = |name: &str| variable(name).map(PathBuf::from);
        Ok(Self {
            url: text("POSTERN_URL")?,
            token: text("POSTERN_TOKEN")?,
            ca: path("POSTERN_CA"),
            config_dir: path("POSTERN_CONFIG_DIR"),
            xdg_config_home: path("XDG_CONFIG_HOME"),
            home: path(if cfg!(windows) { "USERPROFILE" } else { "HOME" }),
        })
    }

    fn folder(&self) -> Result<PathBuf, Failure> {
        if let Some(folder) = &self.config_dir {
            return Ok(folder.clone());
        }
        let config = match (&self.xdg_config_home, &self.home) {
            (Some(config), _) => config.clone(),
            (None, Some(home)) => home.join(".config"),
            (None, None) => {
                return Err(Failure::usage(
                    "there is no home folder: set POSTERN_CONFIG_DIR to where the login is to be stored",
                ));
            }
        };
        Ok(config.join("postern"))
    }

    pub(crate) fn login_file(&self) -> Result<PathBuf, Failure> {
        Ok(self.folder()?.join(FILE))
    }

    pub(crate) fn load(&self) -> Result<Option<Login>, Failure> {
        let Ok(path) = self.login_file() else {
            return Ok(None);
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::local(path.display(), &error)),
        };
        // The parser's own message would quote the line, and with it the token.
        toml::from_str(&text).map(Some).map_err(|_| {
            Failure::Local(format!(
                "{} cannot be read: sign in again with `postern login URL`",
                path.display()
            ))
        })
    }

    pub(crate) fn store(&self, login: &Login) -> Result<PathBuf, Failure> {
        let path = self.login_file()?;
        let failed = |error: &dyn std::fmt::Display| Failure::local(path.display(), error);
        let text = toml::to_string(login).map_err(|error| failed(&error))?;
        write_private(&path, text.as_bytes()).map_err(|error| failed(&error))?;
        Ok(path)
    }

    /// Whether there was one.
    pub(crate) fn forget(&self) -> Result<bool, Failure> {
        let path = self.login_file()?;
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Failure::local(path.display(), &error)),
        }
    }

    /// The environment goes before the stored login, but a stored token never goes to another server.
    pub(crate) fn connect(&self) -> Result<Client, Failure> {
        let stored = self.load()?;
        let url = match (&self.url, &stored) {
            (Some(url), _) => server_url(url)?,
            (None, Some(login)) => login.url.clone(),
            (None, None) => return Err(Failure::NotSignedIn(NOT_SIGNED_IN.to_owned())),
        };
        let same = stored.filter(|login| login.url == url);
        let token = match (&self.token, &same) {
            (Some(token), _) => token.clone(),
            (None, Some(login)) => login.token.clone(),
            (None, None) => {
                return Err(Failure::NotSignedIn(format!(
                    "not signed in to {url}: use `postern login {url}`, or set POSTERN_TOKEN"
                )));
            }
        };
        let trust = match (&self.ca, same.and_then(|login| login.ca)) {
            (Some(path), _) => Trust::Ca(read_ca(path)?),
            (None, Some(pem)) => Trust::Ca(pem),
            (None, None) => Trust::System,
        };
        Ok(Client::new(
            &url,
            &Credentials::Token(Secret::new(token)),
            &trust,
        )?)
    }
}

pub(crate) fn read_ca(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("the CA certificate {}: {error}", path.display())))
}

/// `host:8443` means https. Plain http is for this machine only: a token would be readable on the way.
pub(crate) fn server_url(text: &str) -> Result<String, Failure> {
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let wrong = || {
        Failure::usage(format!(
            "{text:?} is not the address of a server: give one like https://postern.example:8443"
        ))
    };
    let url = Url::parse(&full).map_err(|_| wrong())?;
    let host = url.host_str().ok_or_else(wrong)?;
    let here = matches!(host, "localhost" | "[::1]") || host.starts_with("127.");
    match url.scheme() {
        "https" => {}
        "http" if here => {}
        "http" => {
            return Err(Failure::usage(format!(
                "{text:?} would send the token readable for everyone on the way: use https://"
            )));
        }
        _ => return Err(wrong()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Failure::usage(
            "give the user with --user, not inside the address",
        ));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Written beside and moved into place: a half-written login is never seen, nor is one that others can read.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let beside = path.with_extension(format!("toml.{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(folder: &Path) -> Environment {
        Environment {
            config_dir: Some(folder.to_owned()),
            ..Environment::default()
        }
    }

    fn login() -> Login {
        Login {
            url: "https://stored:8443".into(),
            token: "pst_stored".into(),
            token_id: Some(TokenId(7)),
            ca: None,
        }
    }

    #[test]
    fn addresses() {
        let table = [
            ("postern.example:8443", Some("https://postern.example:8443")),
            ("https://postern.example/", Some("https://postern.example")),
            (
                "https://postern.example/base/",
                Some("https://postern.example/base"),
            ),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("http://localhost", Some("http://localhost")),
            ("http://postern.example", None),
            ("ftp://postern.example", None),
            ("https://anna:secret@postern.example", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(server_url(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_environment_goes_before_the_stored_login() {
        let folder = tempfile::tempdir().unwrap();
        let stored = environment(folder.path());
        assert!(matches!(stored.connect(), Err(Failure::NotSignedIn(_))));
        stored.store(&login()).unwrap();
        assert_eq!(stored.connect().unwrap().base_url().host_str(), Some("stored"));

        let other = Environment {
            url: Some("https://other:8443".into()),
            token: Some("pst_other".into()),
            ..environment(folder.path())
        };
        assert_eq!(other.connect().unwrap().base_url().host_str(), Some("other"));
    }

    #[test]
    fn a_stored_token_never_goes_to_another_server() {
        let folder = tempfile::tempdir().unwrap();
        let mut environment = environment(folder.path());
        environment.store(&login()).unwrap();
        environment.url = Some("https://other:8443".into());
        assert!(matches!(environment.connect(), Err(Failure::NotSignedIn(_))));
        environment.url = Some("https://stored:8443/".into());
        assert!(environment.connect().is_ok());
    }

    #[test]
    fn the_folder_is_named_by_the_first_variable_that_is_set() {
        let path = |text: &str| Some(PathBuf::from(text));
        let mut environment = Environment {
            config_dir: path("/c"),
            xdg_config_home: path("/x"),
            home: path("/h"),
            ..Environment::default()
        };
        assert_eq!(environment.folder().unwrap(), Path::new("/c"));
        environment.config_dir = None;
        assert_eq!(environment.folder().unwrap(), Path::new("/x/postern"));
        environment.xdg_config_home = None;
        assert_eq!(environment.folder().unwrap(), Path::new("/h/.config/postern"));
        environment.home = None;
        assert!(environment.folder().is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_login_also_when_an_open_file_was_there() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let environment = environment(&folder.path().join("deep/er"));
        let path = environment.login_file().unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        environment.store(&login()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(environment.load().unwrap().unwrap().token_id, Some(TokenId(7)));
        assert!(environment.forget().unwrap());
        assert!(!environment.forget().unwrap());
    }

    #[test]
    fn a_broken_login_does_not_show_the_token() {
        let folder = tempfile::tempdir().unwrap();
        let environment = environment(folder.path());
        fs::write(environment.login_file().unwrap(), "token = \"pst_secret\" oops").unwrap();
        let failure = environment.load().err().unwrap();
        assert!(!failure.lines().concat().contains("pst_secret"));
    }
}
