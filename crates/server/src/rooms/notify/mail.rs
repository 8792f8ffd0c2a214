//! E-mail: the mail server, and what a message looks like there.

use std::{error::Error as _, fmt, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message as Mime, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::client::{Certificate, Tls, TlsParameters},
};
use postern_api::notify::Message;
use postern_domain::notify::Topic;
use reqwest::Url;

use super::failure::why;
use crate::{config::MailServer, error::Error};

/// One message; a mail server may think a while.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The mail server that messages are handed to.
pub(crate) struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// Host and port.
    server: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// Why a message did not go out.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) reason: String,
    /// It would be refused again.
    pub(crate) for_good: bool,
}

/// How a try went.
pub(crate) type Sent = Result<(), Refused>;

impl Mail {
    /// `smtps://` is TLS from the first byte. `smtp://` turns it on by STARTTLS and goes nowhere without, unless the
    /// address ends in `?tls=opportunistic` or `?tls=none`.
    pub(crate) fn new(server: &MailServer, extra_ca: Option<&str>) -> Result<Self, Error> {
        let wrong = |problem: String| Error::Internal(format!("cannot send e-mail: {problem}"));
        let url = Url::parse(&server.url).map_err(|error| wrong(format!("POSTERN_SMTP_URL: {error}")))?;
        let mut parameters = TlsParameters::builder(url.host_str().unwrap_or_default().to_owned());
        if let Some(pem) = extra_ca {
            let ca = Certificate::from_pem(pem.as_bytes())
                .map_err(|error| wrong(format!("POSTERN_EXTRA_CA: {error}")))?;
            parameters = parameters.add_root_certificate(ca);
        }
        let parameters = parameters
            .build_rustls()
            .map_err(|error| wrong(error.to_string()))?;
        let asked: Option<String> = url
            .query_pairs()
            .find(|(name, _)| name == "tls")
            .map(|(_, value)| value.into_owned());
        let tls = match (url.scheme(), asked.as_deref()) {
            ("smtps", None) => Tls::Wrapper(parameters),
            ("smtp", None | Some("required")) => Tls::Required(parameters),
            ("smtp", Some("opportunistic")) => Tls::Opportunistic(parameters),
            ("smtp", Some("none")) => Tls::None,
            _ => {
                let problem =
                    "POSTERN_SMTP_URL must be smtps://HOST or smtp://HOST[?tls=required|opportunistic|none]";
                return Err(wrong(problem.to_owned()));
            }
        };
        let mut plain = url.clone();
        plain.set_query(None);
        let from = server
            .from
            .parse()
            .map_err(|error| wrong(format!("POSTERN_SMTP_FROM {:?}: {error}", server.from)))?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(plain.as_str())
            .map_err(|error| wrong(format!("POSTERN_SMTP_URL: {error}")))?
            .tls(tls)
            .timeout(Some(TIMEOUT));
        let port = url
            .port()
            .unwrap_or(if url.scheme() == "smtps" { 465 } else { 587 });
        builder = builder.port(port);
        Ok(Self {
            transport: builder.build(),
            from,
            server: format!("{}:{port}", url.host_str().unwrap_or_default()),
        })
    }

    pub(crate) fn from(&self) -> String {
        self.from.to_string()
    }

    /// `id`: the same for each try, so that a reader shows one that arrived twice once.
    pub(crate) async fn send(&self, to: &str, id: &str, message: &Message) -> Sent {
        let for_good = |reason: String| Refused {
            reason,
            for_good: true,
        };
        let address = to.parse().map_err(|error| for_good(format!("{to:?}: {error}")))?;
        let mime = Mime::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address))
            .subject(subject(message))
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(body(message))
            .map_err(|error| for_good(error.to_string()))?;
        match self.transport.send(mime).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Refused {
                reason: match (error.status(), error.source()) {
                    (Some(code), Some(answer)) => format!("It answered {code}: {answer}"),
                    (Some(code), None) => format!("It answered {code}"),
                    (None, _) => why(&error, &self.server, TIMEOUT),
                },
                for_good: error.is_permanent(),
            }),
        }
    }
}

fn subject(message: &Message) -> String {
    let title: String = message
        .data
        .title
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    let title = title.trim();
    match message.topic {
        Topic::ApprovalOpened => format!("Approval wanted: {title}"),
        Topic::ApprovalReminder => format!("Approval still wanted: {title}"),
        Topic::ApprovalEnded | Topic::InstanceEnded | Topic::StepNotify | Topic::Test => title.to_owned(),
    }
}

/// Plain text: nothing of it can be taken for markup.
fn body(message: &Message) -> String {
    let data = &message.data;
    let mut text = format!("{}\n", data.title);
    if let Some(message) = &data.message {
        text.push_str(&format!("\n{message}\n"));
    }
    text.push('\n');
    if let (Some(workflow), Some(id)) = (&data.workflow, data.instance_id) {
        text.push_str(&format!("Workflow: {workflow} (instance {id})\n"));
    }
    if let Some(state) = &data.state {
        text.push_str(&format!("State: {state}\n"));
    }
    if let Some(reason) = &data.reason {
        text.push_str(&format!("Reason: {reason}\n"));
    }
    if let Some(deadline) = data.deadline {
        text.push_str(&format!("Answer until: {deadline}\n"));
    }
    text.push_str(&format!("{}\n", data.url));
    text
}

#[cfg(test)]
mod tests {
    use postern_api::notify::MessageData;
    use postern_domain::Timestamp;

    use super::*;

    fn server(url: &str) -> MailServer {
        MailServer {
            url: url.to_owned(),
            from: "Postern <postern@example.org>".to_owned(),
        }
    }

    #[tokio::test]
    async fn addresses_of_mail_servers_are_read_and_wrong_ones_refused() {
        for good in [
            "smtps://ada:secret@mail.example.org",
            "smtp://mail.example.org:2525",
            "smtp://localhost:25?tls=none",
            "smtp://mail.example.org?tls=opportunistic",
        ] {
            Mail::new(&server(good), None).unwrap();
        }
        for bad in [
            "mail.example.org",
            "https://mail.example.org",
            "smtp://mail.example.org?tls=maybe",
            "smtps://mail.example.org?tls=none",
        ] {
            let error = Mail::new(&server(bad), None).unwrap_err().to_string();
            assert!(error.contains("POSTERN_SMTP_URL"), "{error}");
        }
        let nobody = MailServer {
            from: "nobody".into(),
            ..server("smtps://mail.example.org")
        };
        let error = Mail::new(&nobody, None).unwrap_err().to_string();
        assert!(error.contains("POSTERN_SMTP_FROM"), "{error}");
    }

    #[test]
    fn a_title_of_several_lines_is_one_subject() {
        let message = Message {
            topic: Topic::ApprovalOpened,
            timestamp: Timestamp::from_micros(0),
            data: MessageData {
                title: "Deploy\r\nBcc: eve@example.org".into(),
                message: Some("<script>alert(1)</script>".into()),
                url: "https://postern.example.org/approvals/1".into(),
                ..Default::default()
            },
        };
        assert_eq!(subject(&message), "Approval wanted: Deploy  Bcc: eve@example.org");
        assert!(body(&message).contains("\n<script>alert(1)</script>\n"));
    }
}
