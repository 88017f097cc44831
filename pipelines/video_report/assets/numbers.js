// The same answers as a table, for screen readers, for copying and for paper.
function numberCell(utterance, label, k) {
  if (!utterance.probs) return make("td", {}, "");
  const predicted = utterance.labels.includes(label);
  const band = utterance.low[k] === null ? ""
    : make("span", { class: "soft" }, `${decimals(utterance.low[k])}–${decimals(utterance.high[k])}`);
  return make("td", { class: predicted ? "predicted" : null },
    (predicted ? "● " : "") + decimals(utterance.probs[k]), band);
}

function prepareNumbers() {
  const head = ["time", "words", ...data.labels];
  const rows = data.utterances.map((utterance) => make("tr", {},
    make("td", {}, `${clock(utterance.start)}–${clock(utterance.end)}`),
    make("td", {}, textOf(utterance), ...absences(utterance).map((t) => make("span", { class: "soft" }, t))),
    ...data.labels.map((label, k) => numberCell(utterance, label, k))));
  byId("numbers-table").append(
    make("p", { class: "soft" }, "Probability, its band below it; ● predicted."),
    make("table", { class: "numbers" },
    make("thead", {}, make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows)));
}
