//! `postern webhook …`, `postern delivery …` and `postern mail …`

use clap::{Args, Subcommand};
use postern_api::notify::{
    Delivery, DeliveryDetail, MailTest, Webhook, WebhookCreate, WebhookSaved, WebhookUpdate,
};
use postern_client::IdempotencyKey;
use postern_domain::{
    DeliveryId,
    notify::{Channel, DeliveryState, Topic},
};

use super::list::{ListArguments, closing};
use crate::{
    clock,
    context::Context,
    failure::Failure,
    lookup,
    output::{Console, Tone},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// Add a webhook; the secret that its messages are signed with is shown once
    Create(Create),
    /// List webhooks
    List(ListArguments),
    /// Show a webhook
    Show {
        /// Name or id
        webhook: String,
    },
    /// Change a webhook; what is not given stays
    Update(Update),
    /// Send a webhook a test message
    Test {
        /// Name or id
        webhook: String,
    },
    /// Remove a webhook; what was on its way to it is given up
    Delete {
        /// Name or id
        webhook: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// As steps name it
    name: String,
    /// Where messages go: https://… or http://…
    #[arg(long, value_name = "URL")]
    url: String,
    /// What it is told of: approval_opened, approval_reminder, approval_ended, instance_ended. May repeat
    #[arg(long = "topic", value_name = "TOPIC", value_delimiter = ',', value_parser = parse_topic)]
    topics: Vec<Topic>,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Name or id
    webhook: String,
    /// New name
    #[arg(long)]
    name: Option<String>,
    /// Where messages go: https://… or http://…
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// What it is told of, in place of what it was told of. May repeat
    #[arg(long = "topic", value_name = "TOPIC", value_delimiter = ',', value_parser = parse_topic)]
    topics: Vec<Topic>,
    /// It is told of nothing but what steps send it
    #[arg(long, conflicts_with = "topics")]
    no_topics: bool,
    /// Whether messages go to it
    #[arg(long, value_name = "BOOL")]
    active: Option<bool>,
    /// Draw a new secret; the old one is forgotten
    #[arg(long)]
    new_secret: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeliveryCommand {
    /// List messages, newest first
    List {
        #[command(flatten)]
        list: ListArguments,
        /// waiting, delivered, dead
        #[arg(long, value_name = "STATE", value_parser = parse_state)]
        state: Vec<String>,
        /// email, webhook
        #[arg(long, value_name = "CHANNEL", value_parser = parse_channel)]
        channel: Vec<String>,
        /// Only of this instance
        #[arg(long, value_name = "ID")]
        instance: Vec<String>,
    },
    /// Show a message and what became of it
    Show { id: DeliveryId },
    /// Send a message again that was given up, or now instead of later
    Retry { id: DeliveryId },
}

#[derive(Debug, Subcommand)]
pub(crate) enum MailCommand {
    /// Whether this server can send e-mail, and as whom
    Show,
    /// Send a test message
    Test {
        /// E-mail address
        to: String,
    },
}

fn parse_topic(text: &str) -> Result<Topic, String> {
    let known = || {
        Topic::ALL
            .iter()
            .copied()
            .filter(|topic| topic.can_be_subscribed())
    };
    known().find(|topic| topic.as_str() == text).ok_or_else(|| {
        let names: Vec<&str> = known().map(Topic::as_str).collect();
        format!("use {}", names.join(", "))
    })
}

fn parse_state(text: &str) -> Result<String, String> {
    one_of(text, DeliveryState::ALL.iter().map(|state| state.as_str()))
}

fn parse_channel(text: &str) -> Result<String, String> {
    one_of(text, Channel::ALL.iter().map(|channel| channel.as_str()))
}

fn one_of<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Result<String, String> {
    let known: Vec<&str> = known.collect();
    if known.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("use {}", known.join(", ")))
}

pub(crate) async fn run_webhook(command: WebhookCommand, context: &Context<'_>) -> Result<(), Failure> {
    let (client, console) = (&context.client, context.console);
    match command {
        WebhookCommand::Create(create) => {
            let request = WebhookCreate {
                name: create.name,
                url: create.url,
                topics: create.topics,
                active: true,
            };
            let saved = client.webhook_create(&request, &IdempotencyKey::random()).await?;
            console.answer(&saved, |saved| print_saved(saved, console))
        }
        WebhookCommand::List(list) => {
            let page = client.webhook_list_all(&list.request(&[]), list.limit()).await?;
            console.answer(&page, |page| {
                if !page.items.is_empty() {
                    let rows = page.items.iter().map(row_of_webhook);
                    console.table(&["ID", "NAME", "ACTIVE", "TOLD OF", "URL"], rows.collect());
                }
                closing(console, page, "webhooks");
            })
        }
        WebhookCommand::Show { webhook } => {
            let webhook = lookup::webhook(client, &webhook).await?;
            console.answer(&webhook, |webhook| print(webhook, console))
        }
        WebhookCommand::Update(update) => webhook_update(update, context).await,
        WebhookCommand::Test { webhook } => {
            let webhook = lookup::webhook(client, &webhook).await?;
            let delivery = client.webhook_test(webhook.id).await?;
            console.answer(&delivery, |delivery| told(delivery, console))
        }
        WebhookCommand::Delete { webhook, yes } => {
            let webhook = lookup::webhook(client, &webhook).await?;
            console.confirm(&format!("Delete the webhook {}?", webhook.name), yes)?;
            client.webhook_delete(webhook.id).await?;
            console.answer(&serde_json::json!({"deleted": webhook.id}), |_| {
                console.say(&format!("Deleted the webhook {}", webhook.name));
            })
        }
    }
}

async fn webhook_update(update: Update, context: &Context<'_>) -> Result<(), Failure> {
    let (client, console) = (&context.client, context.console);
    let topics = match (update.no_topics, update.topics.is_empty()) {
        (true, _) => Some(Vec::new()),
        (false, false) => Some(update.topics),
        (false, true) => None,
    };
    let request = WebhookUpdate {
        name: update.name,
        url: update.url,
        topics,
        active: update.active,
        new_secret: update.new_secret,
    };
    if request == WebhookUpdate::default() {
        return Err(Failure::usage(
            "nothing to change: give --name, --url, --topic, --no-topics, --active or --new-secret",
        ));
    }
    let webhook = lookup::webhook(client, &update.webhook).await?;
    let saved = client.webhook_update(webhook.id, &request).await?;
    console.answer(&saved, |saved| print_saved(saved, console))
}

fn row_of_webhook(webhook: &Webhook) -> Vec<(String, Tone)> {
    let plain = |text: String| (text, Tone::Plain);
    vec![
        plain(webhook.id.to_string()),
        plain(webhook.name.clone()),
        plain(if webhook.active { "yes" } else { "no" }.to_owned()),
        plain(topics(webhook)),
        plain(webhook.url.clone().unwrap_or_default()),
    ]
}

fn topics(webhook: &Webhook) -> String {
    let names: Vec<&str> = webhook.topics.iter().map(|topic| topic.as_str()).collect();
    names.join(", ")
}

fn print(webhook: &Webhook, console: &Console) {
    let now = clock::now();
    console.fields(&[
        ("id", webhook.id.to_string()),
        ("name", webhook.name.clone()),
        (
            "url",
            webhook
                .url
                .clone()
                .unwrap_or_else(|| "for those who manage settings".to_owned()),
        ),
        ("active", if webhook.active { "yes" } else { "no" }.to_owned()),
        ("told of", topics(webhook)),
        (
            "changed",
            format!(
                "{} by {}",
                words::absolute(webhook.updated_at, now),
                webhook.updated_by
            ),
        ),
    ]);
}

fn print_saved(saved: &WebhookSaved, console: &Console) {
    print(&saved.webhook, console);
    if let Some(secret) = &saved.secret {
        console.fields(&[("secret", secret.reveal().to_owned())]);
        console.note("The secret is not shown again: the receiver checks signatures with it.");
    }
}

fn told(delivery: &Delivery, console: &Console) {
    console.say(&format!(
        "Message {} to {} is on its way: `postern delivery show {}` tells what became of it",
        delivery.id, delivery.recipient, delivery.id
    ));
}

pub(crate) async fn run_delivery(command: DeliveryCommand, context: &Context<'_>) -> Result<(), Failure> {
    let (client, console) = (&context.client, context.console);
    match command {
        DeliveryCommand::List {
            list,
            state,
            channel,
            instance,
        } => {
            let request = list.request(&[("state", &state), ("channel", &channel), ("instance", &instance)]);
            let page = client.delivery_list_all(&request, list.limit()).await?;
            console.answer(&page, |page| {
                if !page.items.is_empty() {
                    let now = clock::now();
                    let head = ["ID", "STATE", "TO", "ABOUT", "TITLE", "TRIES", "NEXT", "ERROR"];
                    let rows = page.items.iter().map(|delivery| {
                        let plain = |text: String| (text, Tone::Plain);
                        vec![
                            plain(delivery.id.to_string()),
                            (delivery.state.as_str().to_owned(), tone(delivery.state)),
                            plain(delivery.recipient.clone()),
                            plain(delivery.topic.as_str().to_owned()),
                            plain(delivery.title.clone()),
                            plain(delivery.attempts.to_string()),
                            plain(
                                delivery
                                    .next_at
                                    .map(|at| words::relative(at, now))
                                    .unwrap_or_default(),
                            ),
                            plain(delivery.error.clone().unwrap_or_default()),
                        ]
                    });
                    console.table(&head, rows.collect());
                }
                closing(console, page, "messages");
            })
        }
        DeliveryCommand::Show { id } => {
            let detail = client.delivery_show(id).await?;
            console.answer(&detail, |detail| print_delivery(detail, console))
        }
        DeliveryCommand::Retry { id } => {
            let delivery = client.delivery_retry(id).await?;
            console.answer(&delivery, |delivery| told(delivery, console))
        }
    }
}

const fn tone(state: DeliveryState) -> Tone {
    match state {
        DeliveryState::Waiting => Tone::Busy,
        DeliveryState::Delivered => Tone::Good,
        DeliveryState::Dead => Tone::Bad,
    }
}

fn print_delivery(detail: &DeliveryDetail, console: &Console) {
    let (now, delivery) = (clock::now(), &detail.delivery);
    let mut fields = vec![
        ("id", delivery.id.to_string()),
        ("state", delivery.state.as_str().to_owned()),
        (
            "to",
            format!("{} ({})", delivery.recipient, delivery.channel.as_str()),
        ),
        ("about", delivery.topic.as_str().to_owned()),
        ("title", delivery.title.clone()),
        ("tries", delivery.attempts.to_string()),
        ("written", words::absolute(delivery.created_at, now)),
    ];
    if let Some(at) = delivery.next_at {
        fields.push(("next try", words::relative(at, now)));
    }
    if let Some(at) = delivery.ended_at {
        fields.push(("ended", words::absolute(at, now)));
    }
    if let Some(error) = &delivery.error {
        fields.push(("error", error.clone()));
    }
    if let Some(id) = delivery.instance_id {
        fields.push(("instance", id.to_string()));
    }
    fields.push(("link", detail.message.data.url.clone()));
    console.fields(&fields);
    if let Some(message) = &detail.message.data.message {
        console.say(message);
    }
}

pub(crate) async fn run_mail(command: MailCommand, context: &Context<'_>) -> Result<(), Failure> {
    let (client, console) = (&context.client, context.console);
    match command {
        MailCommand::Show => {
            let mail = client.mail_show().await?;
            console.answer(&mail, |mail| match &mail.from {
                Some(from) => console.say(&format!("E-mail is sent as {from}")),
                None => console
                    .say("No e-mail is sent: start the server with POSTERN_SMTP_URL and POSTERN_SMTP_FROM"),
            })
        }
        MailCommand::Test { to } => {
            let delivery = client.mail_test(&MailTest { to }).await?;
            console.answer(&delivery, |delivery| told(delivery, console))
        }
    }
}
