// Which utterances are shown: all, those with an emotion, those that are likely.
const isUnanswered = (utterance) => utterance.labels === null || utterance.reliability === "cannot tell";

const kinds = [
  ["all", "all utterances", () => true],
  ...data.labels.map((label) =>
    [label, `with ${label}`, (utterance) => Boolean(utterance.labels?.includes(label))]),
  ["no emotion", "without an emotion", (utterance) => utterance.labels?.length === 0 && !isUnanswered(utterance)],
  ["cannot tell", "that cannot be told", isUnanswered],
].map(([name, text, test]) => ({ name, text, test, count: data.utterances.filter(test).length }));

const filter = { kind: kinds[0], likely: false };

function isShown(utterance) {
  return filter.kind.test(utterance) && (!filter.likely || utterance.reliability === "likely");
}

// The nearest shown utterance in one direction, from a number on; -1 if there is none.
function nextShown(from, step) {
  for (let n = from; n >= 0 && n < data.utterances.length; n += step) {
    if (isShown(data.utterances[n])) return n;
  }
  return -1;
}

function applyFilter() {
  filter.kind = kinds.find(({ name }) => name === byId("shown").value);
  filter.likely = byId("likely").checked;
  const shown = data.utterances.filter(isShown).length;
  byId("shown-count").textContent = shown === data.utterances.length ? ""
    : `${shown} of ${data.utterances.length} utterances`;
  emit("filter");
}

function prepareFilters() {
  const offered = kinds.filter(({ name, count }) => name === "all" || count);
  byId("shown").append(...offered.map(({ name, text, count }) =>
    make("option", { value: name }, `${text} (${count})`)));
  const likely = data.utterances.filter(({ reliability }) => reliability === "likely").length;
  byId("likely-choice").hidden = !likely || likely === data.utterances.length;
  byId("filters").hidden = data.utterances.length < 2;
  byId("shown").addEventListener("change", applyFilter);
  byId("likely").addEventListener("change", applyFilter);
}
