//! What the commands have in common that save things from files: reading one, where what is new belongs, and telling which
//! file a refusal is about.

use std::path::Path;

use clap::Args;
use postern_client::{Client, Error};
use postern_domain::{DepartmentId, OrganizationId};
use serde::de::DeserializeOwned;

use super::jobs::request::read_script;
use crate::{failure::Failure, lookup, yaml};

/// Nothing: where the file says, or else the whole tenant.
pub(crate) type Place = (Option<OrganizationId>, Option<DepartmentId>);

#[derive(Debug, Args)]
pub(crate) struct PlaceOptions {
    /// Organization that new ones belong to, by name or id [default: what the file says, or the whole tenant]
    #[arg(long, value_name = "ORGANIZATION")]
    organization: Option<String>,
    /// Department that new ones belong to, by name or id
    #[arg(long, value_name = "DEPARTMENT")]
    department: Option<String>,
}

impl PlaceOptions {
    pub(crate) async fn find(&self, client: &Client) -> Result<Place, Failure> {
        lookup::place(client, self.organization.as_deref(), self.department.as_deref()).await
    }
}

/// One that is not asked to be somewhere stays where it is; none can be moved.
pub(crate) fn refuse_move(name: &str, wanted: Place, found: Place) -> Result<(), Failure> {
    if wanted.0.is_some() && wanted != found {
        return Err(Failure::usage(format!(
            "{name} is saved already, and belongs elsewhere: leave out --organization and --department, or choose another name"
        )));
    }
    Ok(())
}

/// YAML, of which JSON is a part.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    yaml::parse(&read_script(path)?).map_err(|problem| problem.in_file(path))
}

/// The failure with the name of the file that it is about, and with what became of the file all the same.
pub(crate) fn of(path: &Path, failure: Failure, beside: &str) -> Failure {
    let told = |text: String| {
        if beside.is_empty() {
            format!("{}: {text}", path.display())
        } else {
            format!("{}: {text} ({beside})", path.display())
        }
    };
    match failure {
        Failure::Usage(text) => Failure::Usage(told(text)),
        Failure::NotFound(text) => Failure::NotFound(told(text)),
        Failure::Local(text) => Failure::Local(told(text)),
        Failure::Server(Error::Problem(mut problem)) => {
            let text = if problem.detail.is_empty() {
                &problem.title
            } else {
                &problem.detail
            };
            // What the text says of the fields already is not said again below it.
            let said = text.clone();
            problem.errors.retain(|field| !said.contains(&field.message));
            problem.detail = told(said);
            Failure::Server(Error::Problem(problem))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use postern_api::{FieldProblem, Problem};

    use super::*;

    fn refusal(detail: &str) -> Failure {
        Failure::Server(Error::Problem(Box::new(Problem {
            kind: "/docs/errors#x".into(),
            title: "Conflict".into(),
            status: 409,
            code: "x".into(),
            detail: detail.into(),
            errors: vec![FieldProblem {
                field: "name".into(),
                message: "is taken".into(),
            }],
            retry_after_seconds: None,
            server_time_us: None,
        })))
    }

    #[test]
    fn a_refusal_names_its_file_and_what_became_of_it() {
        let path = Path::new("c.yaml");
        let lines = |failure: Failure, beside: &str| of(path, failure, beside).lines();
        assert_eq!(lines(Failure::usage("no name"), ""), ["c.yaml: no name"]);
        assert_eq!(lines(refusal("name: is taken"), ""), ["c.yaml: name: is taken"]);
        assert_eq!(
            lines(refusal(""), "the draft is saved")[0],
            "c.yaml: Conflict (the draft is saved)"
        );
    }
}
