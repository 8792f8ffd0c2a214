//! Where a text is found again: in files, in answers, in each form that a program may give it.

use std::{
    fs,
    path::{Path, PathBuf},
};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// As it is, and in base64, hexadecimal, percent-encoded and as JSON writes it.
pub(crate) fn forms(text: &str) -> Vec<Vec<u8>> {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = text
        .bytes()
        .map(|byte| match byte {
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let json = serde_json::to_string(text).unwrap();
    let coded = base64(text);
    [
        text.to_owned(),
        hex.to_uppercase(),
        hex,
        percent.to_lowercase(),
        percent,
        json.trim_matches('"').to_owned(),
        coded.replace('+', "-").replace('/', "_"),
        coded,
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// Of the whole groups of three bytes: what follows depends on what stands behind.
fn base64(text: &str) -> String {
    let digit = |bits: u32| char::from(BASE64[(bits & 63) as usize]);
    let groups = text.as_bytes().chunks_exact(3);
    groups
        .flat_map(|group| {
            let bits = group.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte));
            [18, 12, 6, 0].map(|shift| digit(bits >> shift))
        })
        .collect()
}

pub(crate) fn has(bytes: &[u8], forms: &[Vec<u8>]) -> bool {
    forms.iter().any(|form| {
        let first = form[0];
        let mut rest = bytes;
        while let Some(found) = rest.iter().position(|byte| *byte == first) {
            rest = &rest[found..];
            if rest.starts_with(form) {
                return true;
            }
            rest = &rest[1..];
        }
        false
    })
}

/// Files at or below a path that have the text in any of these forms.
pub(crate) fn files_with(path: &Path, forms: &[Vec<u8>]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        // Sockets and what goes while we look have nothing to read.
        let Ok(kind) = fs::symlink_metadata(&path).map(|meta| meta.file_type()) else {
            continue;
        };
        if kind.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            open.extend(entries.map(|entry| entry.path()));
        } else if kind.is_file() && fs::read(&path).is_ok_and(|bytes| has(&bytes, forms)) {
            found.push(path);
        }
    }
    found
}
