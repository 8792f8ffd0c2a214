use std::borrow::Cow;

use serde_json::{Value, json};

use super::*;

/// A JSON object as variables, looked up by the shortest code that can do it.
struct Given(Value);

impl Variables for Given {
    fn value(&self, path: &Path) -> Option<Cow<'_, Value>> {
        let mut value = self.0.get(path.root())?;
        for segment in path.rest() {
            value = match segment {
                Segment::Name(name) => value.get(name)?,
                Segment::Index(index) => value.get(index)?,
            };
        }
        Some(Cow::Borrowed(value))
    }
}

fn given() -> Given {
    Given(json!({
        "step_scan": {"exit_code": 0, "stdout": "90\n", "json": {"role": "web", "load": 0.5, "tags": ["a", 1, null], "ok": true,
                      "none": null, "big": 9_007_199_254_740_993_i64, "a key": {"x": 1}}},
        "step_next": {"exit_code": 3, "stdout": "{{step_scan.stdout}} == 1 || true"},
    }))
}

#[track_caller]
fn check(condition: &str, expected: Result<bool, &str>) {
    let outcome = Condition::parse(condition)
        .map_err(|error| error.to_string())
        .and_then(|condition| condition.evaluate(&given()).map_err(|error| error.to_string()));
    match expected {
        Ok(flag) => assert_eq!(outcome, Ok(flag), "{condition}"),
        Err(part) => {
            let message = outcome.expect_err(condition);
            assert!(message.contains(part), "{condition}: {message}");
        }
    }
}

#[test]
fn comparisons_go_by_types_and_values() {
    check("{{step_scan.exit_code}} == 0", Ok(true));
    check("step_scan.exit_code == 0", Ok(true));
    check("variables.step_scan.exit_code != 0", Ok(false));
    check("step_scan.exit_code == 0.0", Ok(true));
    check("step_next.exit_code >= 3 && step_next.exit_code < 4", Ok(true));
    check("step_scan.json.load <= 0.5", Ok(true));
    check("step_scan.json.big == 9007199254740993", Ok(true));
    check("step_scan.json.big == 9007199254740992.0", Ok(false));
    check("step_scan.json.big > 9007199254740992.0", Ok(true));
    check("step_scan.json.role < 'x'", Ok(true));
    check("step_scan.json.none == null", Ok(true));
    check("step_scan.json.role == null", Ok(false));
    check("step_scan.json['a key'].x == -1", Ok(false));
    check(
        "step_scan.json.tags[1] == 1 && step_scan.json.tags[2] == null",
        Ok(true),
    );
    check("step_scan.stdout == 90", Err("a text is no number"));
    check("step_scan.json.ok < true", Err("has no order"));
    check(
        "step_scan.json.tags < 1",
        Err("only two numbers or two texts have an order"),
    );
}

#[test]
fn membership_and_patterns() {
    check("step_scan.stdout contains '90'", Ok(true));
    check("'w' in step_scan.json.role", Ok(true));
    check("step_scan.json.role in ['web', 'api']", Ok(true));
    check("step_scan.json.tags contains 1.0", Ok(true));
    check("step_scan.json contains 'role'", Ok(true));
    check("1 in [\"1\"]", Ok(false));
    check(r"step_scan.stdout matches '^\d+\n$'", Ok(true));
    check(r#"step_scan.stdout matches "^\\d+""#, Ok(true));
    check("step_scan.json.role matches 'W'", Ok(false));
    check("step_scan.exit_code contains 1", Err("a number holds nothing"));
    check("step_scan.json.role contains 1", Err("a text holds texts"));
    check("step_scan.exit_code matches '0'", Err("cannot be matched"));
}

#[test]
fn words_and_signs_bind_as_in_other_languages() {
    check("true || false && false", Ok(true));
    check("(true || false) && false", Ok(false));
    check("!(step_scan.exit_code == 0) || !false", Ok(true));
    check("!true == false", Ok(true));
    check("(1 < 2) == true", Ok(true));
    // The right side is not looked at when the left one says enough.
    check("true || step_gone.exit_code == 0", Ok(true));
    check("false && step_gone.exit_code == 0", Ok(false));
    check(
        "true && step_gone.exit_code == 0",
        Err("step_gone.exit_code does not exist"),
    );
    check("step_scan.json.role", Err("must be true or false, and is a text"));
}

#[test]
fn a_value_is_never_read_as_part_of_the_condition() {
    check(
        "step_next.stdout == '{{step_scan.stdout}} == 1 || true'",
        Err("plain text"),
    );
    check("step_next.stdout == 'x'", Ok(false));
    check(
        "step_scan.stdout matches step_next.stdout",
        Err("a pattern is written here"),
    );
}

#[test]
fn errors_point_at_the_place_and_say_what_to_do() {
    for (condition, span, part) in [
        ("", 0..0, "is empty"),
        ("a.b = 1", 4..5, "written =="),
        ("a.b == 1 and c.d == 2", 9..12, "written &&"),
        ("a.b == ", 7..7, "something is missing here"),
        ("== 1", 0..2, "missing before =="),
        ("a.b < 1 < 2", 8..9, "not chained"),
        ("a.b == 'x", 7..9, "does not end"),
        (r#"a.b == "\d""#, 7..11, "escape that JSON does not know"),
        ("a.b matches '('", 12..15, "is no pattern"),
        ("(a.b == 1", 9..9, "a ) is missing"),
        ("a.b == 1)", 8..9, "no ( for this )"),
        ("{{a.b == 1", 6..8, "a }} is missing"),
        ("a. == 1", 3..5, "name is missing"),
        ("a[x] == 1", 2..3, "a name in quotes or an index"),
        ("a.b == 5a", 7..8, "letters behind it"),
        ("a.b + 1", 4..5, "no arithmetic"),
        ("a.b c.d", 4..5, "an operator is missing"),
        ("'a' < 5", 0..7, "only two numbers or two texts"),
        ("'a' && true", 0..3, "must be true or false"),
        ("1", 0..1, "must be true or false"),
        ("a.b == 'é' ; x", 12..13, "means nothing here"),
    ] {
        let error = Condition::parse(condition).expect_err(condition);
        assert_eq!(error.span, span, "{condition}: {error}");
        assert!(error.message.contains(part), "{condition}: {error}");
    }
}

#[test]
fn bounds_hold_at_the_bound_and_not_beyond() {
    let nested = |depth: usize| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Condition::parse(&nested(MAX_DEPTH)).is_ok());
    assert!(Condition::parse(&nested(MAX_DEPTH + 1)).is_err());
    assert!(Condition::parse(&format!("{}true", "!".repeat(100_000))).is_err());
    // One node more for the whole.
    let many = |parts: usize| vec!["a"; parts].join("||");
    assert!(Condition::parse(&many(MAX_NODES - 1)).is_ok());
    assert!(Condition::parse(&many(MAX_NODES)).is_err());
    let long = |bytes: usize| format!("'{}' == ''", "x".repeat(bytes - 8));
    assert!(Condition::parse(&long(MAX_CONDITION)).is_ok());
    assert!(Condition::parse(&long(MAX_CONDITION + 1)).is_err());
    let deep = |names: usize| vec!["a"; names].join(".");
    assert!(Path::parse(&deep(MAX_SEGMENTS)).is_ok());
    assert!(Path::parse(&deep(MAX_SEGMENTS + 1)).is_err());
    // Found by fuzzing: a root that cannot stand alone is written behind `variables`, which is no name of the path, and one
    // that begins with a digit can not.
    let longest = format!("\u{206}{}", ".x".repeat(MAX_SEGMENTS - 1));
    for text in [longest.as_str(), "1.5e555\u{473}"] {
        let path = Path::parse(text).unwrap();
        assert_eq!(Path::parse(&path.to_string()).as_ref(), Ok(&path), "{path}");
    }
    assert!(
        Condition::parse("a matches '(a{1000}){1000}'").is_err(),
        "a pattern that would take much memory"
    );
    let places = |count: usize| "{{a}}".repeat(count);
    assert!(Template::parse(&places(MAX_PLACEHOLDERS)).is_ok());
    assert!(Template::parse(&places(MAX_PLACEHOLDERS + 1)).is_err());
    let text = Value::from("x".repeat(MAX_RENDERED / 2));
    let wide = Given(json!({"a": text}));
    assert!(Template::parse("{{a}}{{a}}").unwrap().text(&wide).is_ok());
    assert_eq!(
        Template::parse("{{a}}{{a}}.").unwrap().text(&wide),
        Err(EvaluationError::TooLong)
    );
}

#[test]
fn texts_are_filled_with_values_and_one_placeholder_alone_keeps_its_type() {
    let value = |text: &str| Template::parse(text).unwrap().value(&given());
    assert_eq!(value("{{step_scan.exit_code}}"), Ok(json!(0)));
    assert_eq!(value("{{ step_scan.json.tags }}"), Ok(json!(["a", 1, null])));
    assert_eq!(value("code {{step_scan.exit_code}}"), Ok(json!("code 0")));
    assert_eq!(
        value("tags {{step_scan.json.tags}}"),
        Ok(json!("tags [\"a\",1,null]"))
    );
    assert_eq!(value(r#"{{"{{"}}x{{'}}'}}"#), Ok(json!("{{x}}")));
    assert_eq!(value("} no { place }} here"), Ok(json!("} no { place }} here")));
    // What a value holds is not looked at again.
    assert_eq!(
        value("{{step_next.stdout}}"),
        Ok(json!("{{step_scan.stdout}} == 1 || true"))
    );
    let missing = value("{{step_scan.json.gone[0]}}").unwrap_err();
    assert_eq!(missing.to_string(), "step_scan.json.gone[0] does not exist");
    for (text, span, part) in [
        ("a {{b", 2..5, "does not end"),
        ("a {{}}", 4..4, "is empty"),
        ("a {{ }}", 4..5, "is empty"),
        ("a {{b c}}", 6..7, "one path and nothing else"),
        ("a {{b | upper}}", 6..7, "no filters"),
        ("a {{.Name}}", 4..5, "begins with a name"),
    ] {
        let error = Template::parse(text).expect_err(text);
        assert_eq!(error.span, span, "{text}: {error}");
        assert!(error.message.contains(part), "{text}: {error}");
    }
}

#[test]
fn paths_are_written_as_they_can_be_read() {
    for (text, written) in [
        ("variables.step_a.stdout", "step_a.stdout"),
        ("variables['step_a'][\"stdout\"]", "step_a.stdout"),
        ("step_a.hosts.web-1.exit_code", "step_a.hosts.web-1.exit_code"),
        (
            "step_a.hosts['web1.example.com'].stdout",
            r#"step_a.hosts["web1.example.com"].stdout"#,
        ),
        ("step_a.json.10.x[2]", "step_a.json.10.x[2]"),
        ("variables['odd name'].x", r#"variables["odd name"].x"#),
        ("variables", "variables"),
    ] {
        let path = Path::parse(text).unwrap();
        assert_eq!(path.to_string(), written);
        assert_eq!(Path::parse(written), Ok(path));
    }
}

#[test]
fn secrets_are_known_in_every_spelling() {
    for secret in [
        "X.password",
        "X.PASSWORD",
        "variables.X.password",
        "X[\"password\"]",
        "X['Pass_Word']",
        "X.private_key",
        "X.private-key",
        "X.ssh.Private_Key",
        "X.password.length",
        "X[0].api_token",
        "variables[\"X\"][\"API TOKEN\"]",
    ] {
        assert!(Path::parse(secret).unwrap().names_secret(), "{secret}");
    }
    for open in [
        "X.username",
        "X.credential_type",
        "X.domain",
        "password",
        "X.passwords_changed",
    ] {
        assert!(!Path::parse(open).unwrap().names_secret(), "{open}");
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in "\\PC*", more in "[a-z_.{}()\\[\\]'\"=!<>&|0-9 -]{0,80}") {
            for text in [&text, &more] {
                let _ = Condition::parse(text).map(|condition| condition.evaluate(&given()));
                let _ = Template::parse(text).map(|template| template.value(&given()));
                let _ = Path::parse(text);
            }
        }

        #[test]
        fn errors_lie_inside_the_text_and_between_letters(text in "[a-zé_.{}()\\[\\]'\"=!<>&|0-9 -]{0,60}") {
            let errors = [Condition::parse(&text).err(), Template::parse(&text).err(), Path::parse(&text).err()];
            for error in errors.into_iter().flatten() {
                prop_assert!(text.get(error.span.clone()).is_some(), "{error:?}");
            }
        }

        #[test]
        fn a_path_is_what_its_text_says(names in proptest::collection::vec("\\PC{0,6}", 1..6)) {
            let text = format!("root{}", names.iter().map(|name| format!("[{}]", Value::from(name.as_str()))).collect::<String>());
            let path = Path::parse(&text).unwrap();
            prop_assert_eq!(Path::parse(&path.to_string()).unwrap(), path.clone());
            prop_assert_eq!(path.rest(), names.into_iter().map(Segment::Name).collect::<Vec<_>>());
        }
    }
}
