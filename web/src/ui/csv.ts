/** CSV (RFC 4180) that a spreadsheet opens without running anything in it. */

/** A cell that starts with one of these is taken for a formula. */
const FORMULA_START = /^[=+\-@\t\r]/;

export interface CsvColumn<Row> {
  label: string;
  text: (row: Row) => string;
}

export function csvCell(text: string): string {
  const harmless = FORMULA_START.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

export function toCsv<Row>(columns: CsvColumn<Row>[], rows: Row[]): string {
  const lines = [
    columns.map((column) => csvCell(column.label)),
    ...rows.map((row) => columns.map((column) => csvCell(column.text(row)))),
  ];
  return lines.map((line) => `${line.join(",")}\r\n`).join("");
}

/** Hands text to the browser as a file. The mark at the start tells spreadsheets that it is UTF-8. */
export function downloadText(name: string, text: string, type = "text/csv;charset=utf-8"): void {
  const url = URL.createObjectURL(new Blob([type.startsWith("text/csv") ? `\uFEFF${text}` : text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  URL.revokeObjectURL(url);
}
