//! `postern job output`, and the output after `--wait`.

use postern_api::jobs::{StreamName, StreamOutput};
use postern_domain::JobId;

use super::{
    Output,
    printer::Printer,
    watch::{Tells, Watcher},
};
use crate::{context::Context, failure::Failure, sanitize::Sanitizer};

pub(super) async fn job_output(arguments: &Output, context: &Context<'_>) -> Result<(), Failure> {
    if arguments.follow {
        return follow(arguments, context).await;
    }
    if context.console.is_json() {
        let output = context.client.job_output(arguments.id, arguments.attempt).await?;
        return context.console.json(&output);
    }
    print_output(arguments.id, arguments.attempt, arguments.stream, context).await
}

async fn follow(arguments: &Output, context: &Context<'_>) -> Result<(), Failure> {
    if context.console.is_json() {
        return Err(Failure::usage(
            "-f prints text as it comes: leave out --json, or leave out -f",
        ));
    }
    let watcher = Watcher {
        client: &context.client,
        console: context.console,
        printer: Some(Printer::new(context.console, None, arguments.stream)),
        tells: Tells::Everything,
    };
    watcher.watch(arguments.id).await.map(|_| ())
}

/// What is kept of one attempt. A terminal gets text with a mark where something was cut; anything else gets
/// the bytes.
pub(super) async fn print_output(
    id: JobId,
    attempt: Option<u32>,
    only: Option<StreamName>,
    context: &Context<'_>,
) -> Result<(), Failure> {
    let console = context.console;
    let output = context.client.job_output(id, attempt).await?;
    for (name, stream) in [
        (StreamName::Stdout, &output.stdout),
        (StreamName::Stderr, &output.stderr),
    ] {
        if only.is_some_and(|only| only != name) || stream.segments.is_empty() {
            continue;
        }
        let target = if only.is_some() { StreamName::Stdout } else { name };
        if console.is_terminal(target) {
            console.write(target, for_terminal(stream).as_bytes());
            continue;
        }
        let bytes = context
            .client
            .job_output_download(id, name, Some(output.attempt))
            .await?;
        console.write(target, &bytes);
        if stream.cut_bytes > 0 {
            console.note(&format!(
                "{} bytes in the middle of {} were not kept",
                stream.cut_bytes,
                if name == StreamName::Stdout {
                    "stdout"
                } else {
                    "stderr"
                }
            ));
        }
    }
    Ok(())
}

fn for_terminal(stream: &StreamOutput) -> String {
    let mut text = String::new();
    let mut sanitizer = Sanitizer::default();
    let mut next = 0;
    for segment in &stream.segments {
        if segment.offset > next {
            let missing = segment.offset - next;
            let separator = if text.is_empty() || text.ends_with('\n') {
                ""
            } else {
                "\n"
            };
            text.push_str(&format!("{separator}[{missing} bytes were not kept]\n"));
            // A sequence cut in half must not swallow what follows.
            sanitizer = Sanitizer::default();
        }
        text.push_str(&sanitizer.clean(&segment.text));
        next = segment.offset.saturating_add(segment.bytes);
    }
    if text.contains('\u{1b}') {
        text.push_str("\u{1b}[0m");
    }
    text
}

#[cfg(test)]
mod tests {
    use postern_api::jobs::Segment;

    use super::*;

    #[test]
    fn a_cut_is_marked_and_a_sequence_does_not_reach_over_it() {
        let segment = |offset: i64, text: &str| Segment {
            offset,
            bytes: i64::try_from(text.len()).unwrap(),
            text: text.into(),
        };
        let stream = StreamOutput {
            segments: vec![segment(0, "head\u{1b}]0;"), segment(100, "tail\n")],
            total_bytes: 105,
            cut_bytes: 92,
        };
        assert_eq!(for_terminal(&stream), "head\n[92 bytes were not kept]\ntail\n");
    }
}
