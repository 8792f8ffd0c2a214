use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;

fn masks(values: &[&str]) -> Masks {
    let secrets: Secrets = values
        .iter()
        .enumerate()
        .map(|(index, value)| (index.to_string(), Zeroizing::new((*value).to_owned())))
        .collect();
    Masks::new(&secrets).unwrap()
}

/// What comes out at once for each piece, and at the end.
fn pieces(masks: &Masks, pieces: &[&[u8]]) -> Vec<String> {
    let mut mask = masks.stream();
    let mut out: Vec<Vec<u8>> = Vec::new();
    for piece in pieces {
        let mut now = Vec::new();
        mask.push(piece, &mut |bytes| now.extend_from_slice(bytes));
        out.push(now);
    }
    let mut now = Vec::new();
    mask.finish(&mut |bytes| now.extend_from_slice(bytes));
    out.push(now);
    out.into_iter()
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .collect()
}

#[test]
fn without_secrets_bytes_pass_as_they_are() {
    let none = Masks::new(&Secrets::new()).unwrap();
    assert!(none.0.is_none());
    let mut out = Vec::new();
    none.stream()
        .push(b"\xff\0***", &mut |bytes| out.extend_from_slice(bytes));
    assert_eq!(out, b"\xff\0***");
    assert!(masks(&["", "\n"]).text("a\nb").contains("***"));
    assert_eq!(masks(&[""]).text("a\nb"), "a\nb");
}

#[test]
fn every_form_is_masked() {
    let secret = "p@ss w/rd\"\u{e9}\\x?";
    let masks = masks(&[secret]);
    let mut texts = vec![
        secret.to_owned(),
        serde_json::to_string(secret).unwrap(),
        serde_json::to_string(secret).unwrap().replace('/', "\\/"),
        "p@ss w/rd\\\"\\u00e9\\\\x?".to_owned(),
        "p%40ss%20w%2Frd%22%C3%A9%5Cx%3F".to_owned(),
        "p%40ss%20w%2frd%22%c3%a9%5cx%3f".to_owned(),
        "p%40ss+w%2Frd%22%C3%A9%5Cx%3F".to_owned(),
        "p%40ss%20w/rd%22%C3%A9%5Cx%3F".to_owned(),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        secret.bytes().map(|byte| format!("{byte:02X}")).collect(),
    ];
    for before in ["", "a", "ab", "abc"] {
        for after in ["", "z", "zy", "zyx"] {
            let text = format!("{before}{secret}{after}");
            texts.push(STANDARD.encode(&text));
            texts.push(URL_SAFE.encode(&text));
        }
    }
    for text in texts {
        let masked = masks.text(&text);
        assert!(masked.contains("***"), "{text} -> {masked}");
        // What touches it may share a character with its first and last byte.
        assert!(masked.len() < 16, "{text} -> {masked}");
    }
}

#[test]
fn lines_of_a_long_secret_and_of_its_base64_are_masked() {
    let key: String = (0..6)
        .map(|line| format!("line {line} of {}\n", "k".repeat(40)))
        .collect();
    let masks = masks(&[&format!("{key}short\n")]);
    assert_eq!(masks.text(key.lines().nth(3).unwrap()), "***");
    assert_eq!(masks.text("short"), "short");
    assert_eq!(
        masks.text(&format!("{key}short")),
        "***",
        "without the last line's end"
    );
    let encoded = STANDARD.encode(format!("{key}short\n"));
    for width in [64, 76] {
        let broken: Vec<&str> = encoded
            .as_bytes()
            .chunks(width)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        let masked = masks.text(&broken.join("\n")).into_owned();
        assert!(masked.chars().all(|c| matches!(c, '*' | '\n' | '=')), "{masked}");
    }
}

#[test]
fn only_what_may_still_become_a_secret_waits() {
    let masks = masks(&["secret", "cretin"]);
    assert_eq!(pieces(&masks, &[b"Password: "]), ["Password: ", ""]);
    assert_eq!(pieces(&masks, &[b"a sec", b"ond"]), ["a ", "second", ""]);
    assert_eq!(pieces(&masks, &[b"a sec"]), ["a ", "sec"]);
    assert_eq!(
        pieces(&masks, &[b"secr", b"et", b"in", b"side"]),
        ["", "", "***", "side", ""]
    );
    assert_eq!(pieces(&masks, &[b"secret", b"s."]), ["", "***s.", ""]);
}

#[test]
fn one_character_is_a_secret_too() {
    assert_eq!(pieces(&masks(&["x"]), &[b"axxb"]), ["a******b", ""]);
    assert_eq!(masks(&["aba"]).text("cababac"), "c***c");
}

#[test]
fn texts_within_json_are_masked_and_names_are_not() {
    let mut value = serde_json::json!({"user": ["a secret", 7, {"secret": "other"}]});
    masks(&["secret"]).json(&mut value);
    assert_eq!(
        value,
        serde_json::json!({"user": ["a ***", 7, {"secret": "other"}]})
    );
}

/// Cuts `text` at these places, taken modulo its length.
fn cut<'a>(text: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (text.len() + 1)).collect();
    places.sort_unstable();
    let mut parts = Vec::new();
    let mut start = 0;
    for place in places {
        parts.push(&text[start..place]);
        start = place;
    }
    parts.push(&text[start..]);
    parts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// A small alphabet, so that secrets overlap with each other and with what is around them.
    #[test]
    fn however_it_is_cut_no_secret_comes_through(
        secrets in prop::collection::vec("[abc]{1,6}", 1..4),
        around in prop::collection::vec("[abcd ]{0,12}", 2..6),
        places in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let values: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let masks = masks(&values);
        let text = around.join(&secrets[0]);
        let out = pieces(&masks, &cut(text.as_bytes(), &places)).concat();
        for secret in &secrets {
            prop_assert!(!out.contains(secret.as_str()), "{text:?} -> {out:?}");
        }
        prop_assert!(out.contains("***"));
        prop_assert_eq!(&out, &masks.text(&text).into_owned(), "cut or whole is the same");
    }

    #[test]
    fn what_holds_no_secret_passes_unchanged(text in "[ -)+-~\n]{0,200}", places in prop::collection::vec(any::<usize>(), 0..8)) {
        let masks = masks(&["\u{fc}nknown-secret"]);
        let out = pieces(&masks, &cut(text.as_bytes(), &places)).concat();
        prop_assert_eq!(out, text);
    }
}

/// The longest that a parameter may be, in lines as keys have them.
#[test]
fn a_long_secret_needs_memory_in_proportion() {
    let line = "MIIBOgIBAAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8Qu/+=";
    let value: String = (0..900).map(|number| format!("{number}{line}\n")).collect();
    let masks = masks(&[&value]);
    let forms = masks.0.as_ref().unwrap();
    let memory = forms.automaton.memory_usage() + forms.open.len() * size_of::<u32>();
    assert!(memory < 700 * value.len(), "{memory} for {}", value.len());
}
