//! Messages as they leave a real server: e-mail through a mail server, requests to a program that listens, and a server
//! that is killed while it sends.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use crate::support::{Cli, Home, MailServer, Server, wait_for, wait_within};

/// Where a server dies while it sends a message: before it, and with it on its way and nothing on record.
pub(crate) const POINTS: [&str; 2] = ["after-delivery-claimed", "after-delivery-sent"];
/// What another server waits for before it sends what one that died had begun to send.
const CLAIM: Duration = Duration::from_secs(150);

struct World {
    home: Home,
    mail: MailServer,
    server: Server,
    cli: Cli,
}

impl World {
    fn new(prepare: impl Fn(Server) -> Server) -> Self {
        let home = Home::new();
        let mail = MailServer::start(home.path());
        let server = prepare(
            Server::new(home.path(), "server")
                .environment("POSTERN_SMTP_URL", &format!("smtp://localhost:{}", mail.port))
                .environment("POSTERN_SMTP_FROM", "Postern <postern@example.org>")
                .environment("POSTERN_EXTRA_CA", mail.ca.to_str().unwrap()),
        );
        server.start();
        let cli = Cli::signed_in(home.path(), &server);
        Self {
            home,
            mail,
            server,
            cli,
        }
    }

    fn cli(&self, arguments: &[&str]) -> String {
        self.cli.run(arguments).text()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        self.cli.run(&[arguments, &["--json"]].concat()).json()
    }

    fn letters(&self, count: usize) -> Vec<String> {
        wait_for(&format!("{count} letters"), || {
            let letters = self.mail.letters();
            (letters.len() >= count).then_some(letters)
        })
    }

    /// Applied, published and started.
    fn run(&self, name: &str, steps: &Value) {
        let path = self.home.join(&format!("{name}.json"));
        fs::write(&path, json!({"name": name, "steps": steps}).to_string()).unwrap();
        self.cli(&["workflow", "apply", "--publish", "-f", path.to_str().unwrap()]);
        self.cli(&["workflow", "run", name]);
    }
}

/// The headers of a letter that have this name.
fn headers<'a>(letter: &'a str, name: &str) -> Vec<&'a str> {
    let head = letter.split("\n\n").next().unwrap();
    let begin = format!("{name}: ");
    head.lines()
        .filter_map(|line| line.strip_prefix(&*begin))
        .collect()
}

#[test]
fn people_are_asked_and_told_by_email() {
    let world = World::new(|server| server);
    assert!(world.cli(&["mail", "show"]).contains("postern@example.org"));
    world.cli(&["mail", "test", "ops@example.org"]);
    let first = world.letters(1).remove(0);
    assert_eq!(headers(&first, "To"), ["ops@example.org"]);
    assert_eq!(headers(&first, "Subject"), ["A test message of Postern"]);

    world.cli(&["user", "update", "admin", "--email", "admin@example.org"]);
    let hostile = "<script>alert(1)</script>\r\nBcc: eve@example.org\r\n\r\n.\r\nMAIL FROM:<x@y>";
    world.run(
        "asks",
        &json!([
            {"id": "ask", "type": "approval", "title": "Deploy\r\nCc: eve@example.org", "approval_type": "one_of_many",
             "approvers": ["role:site_administrator"], "allow_self_approval": true, "timeout_minutes": 60},
            {"id": "say", "type": "notify", "to": ["user:1", "email:ops@example.org"], "title": "Went through",
             "message": hostile},
        ]),
    );
    let asked = world.letters(2).remove(1);
    assert_eq!(headers(&asked, "To"), ["admin@example.org"]);
    assert_eq!(
        headers(&asked, "Subject"),
        ["Approval wanted: Deploy  Cc: eve@example.org"]
    );
    assert!(headers(&asked, "Cc").is_empty());
    let link = format!("{}/approvals/1", world.server.url());
    assert!(asked.contains(&link), "{asked}");
    assert_eq!(
        world.json(&["delivery", "list", "--channel", "email"])["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    world.cli(&["approval", "approve", "1", "--yes"]);
    let told = world.letters(4);
    for letter in &told[2..] {
        assert_eq!(headers(letter, "Subject"), ["Went through"]);
        assert!(headers(letter, "Bcc").is_empty());
        let body = letter.split_once("\n\n").unwrap().1;
        assert!(
            body.contains("<script>alert(1)</script>\nBcc: eve@example.org\n\n.\nMAIL FROM:<x@y>"),
            "as text: {letter}"
        );
        assert_eq!(headers(letter, "Content-Type"), ["text/plain; charset=utf-8"]);
    }
    wait_for("all to be on record", || {
        let all = world.json(&["delivery", "list"]);
        let items = all["items"].as_array().unwrap();
        (items.len() == 4 && items.iter().all(|item| item["state"] == "delivered")).then_some(())
    });
    assert_eq!(world.mail.letters().len(), 4, "and nobody else was written to");
}

#[test]
fn what_a_mail_server_refuses_for_good_is_given_up() {
    // Without the authority that signed the mail server's certificate nothing is handed over.
    let world = World::new(|server| server.without_environment("POSTERN_EXTRA_CA"));
    world.cli(&["mail", "test", "ops@example.org"]);
    let waits = wait_for("a failed try", || {
        let shown = world.json(&["delivery", "show", "1"]);
        shown["error"].is_string().then_some(shown)
    });
    assert_eq!(waits["state"], "waiting");
    let error = waits["error"].as_str().unwrap();
    assert!(error.contains("ertificate"), "{error}");
    assert!(world.mail.letters().is_empty());
    let answer = world.cli.run(&["mail", "test", "nobody"]);
    assert!(
        answer.code == 1 && answer.stderr.contains("no e-mail address"),
        "{answer:?}"
    );
    let half = Server::new(world.home.path(), "half").environment("POSTERN_SMTP_URL", "smtp://localhost");
    let refused = half.command().output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(2) && said.contains("--smtp-from"),
        "{said}"
    );
}

#[test]
fn a_server_killed_while_it_sends_loses_no_message() {
    let worlds: Vec<(&str, World)> = POINTS
        .iter()
        .map(|point| (*point, World::new(|server| server)))
        .collect();
    for (point, world) in &worlds {
        world.server.stop(Duration::from_secs(20));
        world.server.launch(&[("POSTERN_FAILPOINT", point)]);
        world.server.wait_until_ready();
        // It may die before it has answered.
        let _ = world.cli.run(&["mail", "test", "ops@example.org"]);
        world.server.wait("the failpoint");
        world.server.start();
    }
    for (point, world) in &worlds {
        wait_within(CLAIM, "the message to be sent", || {
            (world.json(&["delivery", "show", "1"])["state"] == "delivered").then_some(())
        });
        let letters = world.mail.letters();
        let ids: Vec<Vec<&str>> = letters
            .iter()
            .map(|letter| headers(letter, "Message-ID"))
            .collect();
        // Twice only where nobody could know that it had arrived; by its id a reader does.
        let times = if *point == POINTS[0] { 1 } else { 2 };
        assert_eq!(ids.len(), times, "{point}");
        assert!(ids.iter().all(|id| id == &ids[0] && id.len() == 1), "{ids:?}");
    }
}
