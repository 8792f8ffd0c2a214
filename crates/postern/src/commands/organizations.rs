//! `postern organization …` and `postern department …`

use clap::Subcommand;
use postern_api::identity::{DepartmentCreate, Organization, OrganizationCreate, OrganizationUpdate};
use postern_client::IdempotencyKey;

use super::list::{ListArguments, closing};
use crate::{
    context::Context,
    failure::Failure,
    lookup,
    output::{Console, Tone},
};

#[derive(Debug, Subcommand)]
pub(crate) enum OrganizationCommand {
    /// List organizations and their departments
    List(ListArguments),
    /// Create an organization
    Create { name: String },
    /// Rename an organization, or switch the renewal of its agents' credentials
    Update {
        /// Name or id
        organization: String,
        /// New name
        #[arg(long)]
        name: Option<String>,
        /// Whether its agents renew their credentials by themselves
        #[arg(long, value_name = "BOOL")]
        renew_credentials: Option<bool>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DepartmentCommand {
    /// Create a department
    Create {
        name: String,
        /// Organization it lies in, by name or id
        #[arg(long)]
        organization: String,
    },
}

pub(crate) async fn run(command: OrganizationCommand, context: &Context<'_>) -> Result<(), Failure> {
    let console = context.console;
    match command {
        OrganizationCommand::List(list) => organization_list(&list, context).await,
        OrganizationCommand::Create { name } => {
            let request = OrganizationCreate { name };
            let organization = context
                .client
                .organization_create(&request, &IdempotencyKey::random())
                .await?;
            console.answer(&organization, |organization| print(organization, console))
        }
        OrganizationCommand::Update {
            organization,
            name,
            renew_credentials,
        } => {
            let request = OrganizationUpdate {
                name,
                renew_credentials,
            };
            if request == OrganizationUpdate::default() {
                return Err(Failure::usage(
                    "nothing to change: give --name or --renew-credentials",
                ));
            }
            let id = lookup::organization(&context.client, &organization).await?.id;
            let organization = context.client.organization_update(id, &request).await?;
            console.answer(&organization, |organization| print(organization, console))
        }
    }
}

async fn organization_list(list: &ListArguments, context: &Context<'_>) -> Result<(), Failure> {
    let page = context
        .client
        .organization_list_all(&list.request(&[]), list.limit())
        .await?;
    context.console.answer(&page, |page| {
        let rows = page.items.iter().map(|organization| {
            vec![
                (organization.id.to_string(), Tone::Plain),
                (organization.name.clone(), Tone::Plain),
                (renews(organization).to_owned(), Tone::Plain),
                (departments(organization), Tone::Plain),
            ]
        });
        if !page.items.is_empty() {
            context.console.table(
                &["ID", "NAME", "RENEWS CREDENTIALS", "DEPARTMENTS"],
                rows.collect(),
            );
        }
        closing(context.console, page, "organizations");
    })
}

fn renews(organization: &Organization) -> &'static str {
    if organization.renew_credentials {
        "yes"
    } else {
        "no"
    }
}

fn departments(organization: &Organization) -> String {
    organization
        .departments
        .iter()
        .map(|department| format!("{} ({})", department.name, department.id))
        .collect::<Vec<_>>()
        .join(", ")
}

fn print(organization: &Organization, console: &Console) {
    console.fields(&[
        ("id", organization.id.to_string()),
        ("name", organization.name.clone()),
        ("tenant", organization.tenant_id.to_string()),
        ("renews credentials", renews(organization).to_owned()),
        ("departments", departments(organization)),
    ]);
}

pub(crate) async fn run_department(command: DepartmentCommand, context: &Context<'_>) -> Result<(), Failure> {
    let DepartmentCommand::Create { name, organization } = command;
    let organization = lookup::organization(&context.client, &organization).await?;
    let department = context
        .client
        .department_create(
            organization.id,
            &DepartmentCreate { name },
            &IdempotencyKey::random(),
        )
        .await?;
    context.console.answer(&department, |department| {
        context.console.say(&format!(
            "department {} ({}) in organization {}",
            department.name, department.id, organization.name
        ));
    })
}
