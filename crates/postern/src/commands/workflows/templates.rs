//! `postern workflow template`: workflows to begin with. Needs no server.

use postern_domain::workflow::templates::TEMPLATES;

use crate::{
    failure::Failure,
    output::{Console, Tone},
};

pub(super) fn workflow_template(
    template: Option<&str>,
    name: Option<&str>,
    console: &Console,
) -> Result<(), Failure> {
    let Some(wanted) = template else {
        let all: Vec<_> = TEMPLATES
            .iter()
            .map(|one| serde_json::json!({"name": one.name, "title": one.title, "description": one.description}))
            .collect();
        return console.answer(&all, |_| {
            let rows = TEMPLATES.iter().map(|one| {
                let plain = |text: &str| (text.to_owned(), Tone::Plain);
                vec![plain(one.name), plain(one.description)]
            });
            console.table(&["NAME", "WHAT IT DOES"], rows.collect());
            console.note("`postern workflow template NAME > FILE` writes one down, for `postern workflow apply -f FILE`");
        });
    };
    let found = TEMPLATES.iter().find(|one| one.name == wanted).ok_or_else(|| {
        let names: Vec<&str> = TEMPLATES.iter().map(|one| one.name).collect();
        Failure::usage(format!(
            "there is no template {wanted:?}: use one of {}",
            names.join(", ")
        ))
    })?;
    let heading = serde_json::json!(name.unwrap_or(found.name));
    let description = serde_json::json!(found.description);
    let text = format!("name: {heading}\ndescription: {description}\n{}", found.source);
    console.answer(&serde_json::json!({"name": found.name, "source": text}), |_| {
        console.say(text.trim_end());
    })
}
