//! Rows under headings, for people.

/// Columns as wide as their widest cell but for the last; what cannot be shown becomes `?`.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = std::iter::once(headings.iter().map(|text| (*text).to_owned()).collect())
        .chain(
            rows.iter()
                .map(|row| row.iter().map(|cell| shown(cell)).collect()),
        )
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row: &Vec<String>| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

fn shown(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [
            vec!["1".into(), "init\u{1b}[2J".into()],
            vec!["12345".into(), String::new()],
        ];
        assert_eq!(
            table(&["PID", "NAME"], &rows),
            "PID    NAME\n1      init?[2J\n12345"
        );
    }
}
