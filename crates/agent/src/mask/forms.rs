//! In which forms a secret may be met.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// Shorter values in an encoded form would be met by chance everywhere.
const ENCODED_FROM: usize = 4;
const LINE_FROM: usize = 8;
/// Programs break long base64 after so many characters: RFC 2045 and RFC 7468.
const BASE64_LINES: [usize; 2] = [76, 64];

/// Every form of every value, none twice and none empty.
pub(super) fn all<'a>(values: impl Iterator<Item = &'a str>) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for value in values {
        // A program that reads it from a file or by `$(…)` has it without its last line's end.
        for value in [value, value.trim_end_matches(['\r', '\n'])] {
            forms.push(value.as_bytes().to_vec());
            if value.len() >= ENCODED_FROM {
                encoded(value, &mut forms);
            }
        }
        let lines = value.lines().filter(|line| line.len() >= LINE_FROM);
        forms.extend(lines.map(|line| line.as_bytes().to_vec()));
    }
    forms.retain(|form| !form.is_empty());
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn encoded(value: &str, forms: &mut Vec<Vec<u8>>) {
    let bytes = value.as_bytes();
    for before in 0..3 {
        base64(bytes, before, forms);
    }
    let hex = |upper: bool| -> Vec<u8> { bytes.iter().flat_map(|byte| hex_digits(*byte, upper)).collect() };
    forms.extend([hex(false), hex(true)]);
    for kept in ["-._~", "-._~!'()*", "-._~/", "*-._"] {
        for upper in [true, false] {
            forms.push(percent(bytes, kept, upper, false));
            forms.push(percent(bytes, kept, upper, true));
        }
    }
    json(value, forms);
}

/// As it stands in the base64 of a longer text, with so many bytes (modulo 3) before it: the characters that are
/// made of its own bits alone, and those up to the end where the text ends with it.
fn base64(bytes: &[u8], before: usize, forms: &mut Vec<Vec<u8>>) {
    let padded = [&b"\0\0"[..before], bytes].concat();
    let first = [0, 2, 3][before];
    let whole = padded.len() * 8 / 6;
    for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
        let text = text.into_bytes();
        forms.push(text[first..whole].to_vec());
        forms.push(text[first..].to_vec());
        for width in BASE64_LINES {
            if before == 0 && text.len() > width {
                let lines = text[..whole].chunks(width).chain(text.chunks(width));
                forms.extend(
                    lines
                        .filter(|line| line.len() >= ENCODED_FROM)
                        .map(<[u8]>::to_vec),
                );
            }
        }
    }
}

fn hex_digits(byte: u8, upper: bool) -> [u8; 2] {
    let digits = if upper {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]
}

/// RFC 3986; libraries differ in what they leave as it is and in how they write a space.
fn percent(bytes: &[u8], kept: &str, upper: bool, plus: bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(byte) {
            text.push(*byte);
        } else if *byte == b' ' && plus {
            text.push(b'+');
        } else {
            text.push(b'%');
            text.extend(hex_digits(*byte, upper));
        }
    }
    text
}

/// RFC 8259, as most write it; with `/` escaped; and with all that is not ASCII escaped.
fn json(value: &str, forms: &mut Vec<Vec<u8>>) {
    let quoted = serde_json::Value::from(value).to_string();
    let plain = &quoted[1..quoted.len() - 1];
    let mut ascii = String::with_capacity(plain.len());
    for c in plain.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    for text in [plain, &ascii] {
        forms.push(text.as_bytes().to_vec());
        forms.push(text.replace('/', "\\/").into_bytes());
    }
}
