// The reader's choices, and the listeners to their changes.
const state = { label: 0, source: "text", current: 0, word: -1 };
const listeners = { choice: [], current: [], word: [], time: [], filter: [], review: [] };

// The strongest colour stands for at least this effect, so that small effects look small.
const MIN_FULL_EFFECT = 0.1;

function on(event, listener) {
  listeners[event].push(listener);
}

function emit(event, value) {
  for (const listener of listeners[event]) listener(value);
}

function choose(changes) {
  Object.assign(state, changes);
  byId("label").value = state.label;
  byId("source").value = state.source;
  emit("choice");
}

function setCurrent(number) {
  if (number === state.current) return;
  Object.assign(state, { current: number, word: -1 });
  emit("current", number);
}

// The label that is predicted most often; of several, the more probable one.
function commonestLabel() {
  const totals = data.labels.map((label, k) =>
    data.utterances.reduce((sum, { labels, probs }) => sum + (labels && labels.includes(label) ? 1 : 0)
      + (probs ? probs[k] / 1000 : 0), 0));
  return totals.indexOf(Math.max(...totals));
}

function prepareChoices() {
  state.label = commonestLabel();
  byId("label").append(...data.labels.map((label, k) => make("option", { value: k }, label)));
  const explained = data.modalities.filter((m) => data.utterances.some((u) => u.wordEffects?.[m]));
  const sources = explained.map((m) => [m, {
    text: "the word itself", audio: "the voice while it is said", visual: "the face while it is said",
  }[m] || m]);
  if (explained.length > 1) sources.push(["all", "all of these together"]);
  byId("source").append(...sources.map(([value, name]) => make("option", { value }, name)));
  state.source = explained.includes("text") ? "text" : explained[0] || "text";
  byId("label").addEventListener("change", (event) => choose({ label: Number(event.target.value) }));
  byId("source").addEventListener("change", (event) => choose({ source: event.target.value }));
  byId("source-choice").hidden = sources.length < 2;
  byId("colours").hidden = !sources.length;
}

// The effect of each word of an utterance on the chosen label; null if not measured.
function valuesOf(utterance) {
  const values = utterance.wordEffects;
  if (!values) return null;
  if (state.source !== "all") return values[state.source]?.[state.label] || null;
  const rows = Object.values(values).map((labels) => labels[state.label]);
  return utterance.words.map((_, w) => rows.reduce((sum, row) => sum + row[w], 0));
}

function largestValue() {
  const all = data.utterances.flatMap((utterance) => valuesOf(utterance) || []);
  return all.reduce((most, value) => Math.max(most, Math.abs(value)), MIN_FULL_EFFECT);
}
