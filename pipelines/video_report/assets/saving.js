// The reader's labels as files that `mmemo score`, `agreement` and `train` read.
function reviewedRows() {
  return [...reviews].sort(([a], [b]) => a - b).map(([n, { labels, note }]) => {
    const { start, end, labels: model, words } = data.utterances[n];
    return { n, start, end, labels, model: model ?? [], note, text: words.map(([word]) => word).join(" ") };
  });
}

// An apostrophe keeps a spreadsheet from running a text as a formula; mmemo removes it again.
function csvCell(value) {
  const text = typeof value === "string" && /^'*[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function reviewsAsCsv() {
  const head = ["video_id", "segment_id", "start", "end", "text", "split", ...data.labels, "answer_model", "note"];
  const rows = reviewedRows().map(({ n, start, end, labels, model, note, text }) => [data.name, String(n), start, end,
    text, "train", ...data.labels.map((label) => Number(labels.includes(label))), model.join("; "), note]);
  return `\ufeff${[head, ...rows].map((row) => `${row.map(csvCell).join(",")}\r\n`).join("")}`;
}

function reviewsAsJson() {
  const clips = reviewedRows().map(({ n, start, end, labels, model, note, text }) => ({ id: `${data.name}[${n}]`,
    video: data.name, start, end, text, truth: labels, answers: { model }, note }));
  return `${JSON.stringify({ labels: data.labels, clips }, null, 1)}\n`;
}

function save(name, content, type) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

function prepareSaving() {
  byId("save-csv").addEventListener("click", () => save(`${data.name}.labels.csv`, reviewsAsCsv(), "text/csv"));
  byId("save-json").addEventListener("click", () =>
    save(`${data.name}.labels.json`, reviewsAsJson(), "application/json"));
}
