// What the reader has chosen, and who wants to know.
const state = { label: 0, source: "text", measure: "effect", current: 0, word: -1 };
const listeners = { choice: [], current: [], word: [], time: [] };

// Colours reach their full strength here at the earliest: smaller effects are to look small.
const LEAST_EFFECT = 0.1;

function on(event, listener) {
  listeners[event].push(listener);
}

function tell(event, value) {
  for (const listener of listeners[event]) listener(value);
}

function choose(changes) {
  Object.assign(state, changes);
  byId("label").value = state.label;
  byId("source").value = state.source;
  tell("choice");
}

function setCurrent(number) {
  if (number === state.current) return;
  Object.assign(state, { current: number, word: -1 });
  tell("current", number);
}

function mostOften() {
  const totals = data.labels.map((label, k) =>
    data.utterances.reduce((sum, held) => sum + (held.labels && held.labels.includes(label) ? 1 : 0)
      + (held.probs ? held.probs[k] / 1000 : 0), 0));
  return totals.indexOf(Math.max(...totals));
}

function prepareChoices() {
  state.label = mostOften();
  byId("label").append(...data.labels.map((label, k) => make("option", { value: k }, label)));
  const there = data.modalities.filter((m) => data.utterances.some((u) => u.wordEffects?.[m]));
  const sources = there.map((m) => [m, {
    text: "the word itself", audio: "the voice while it is said", visual: "the face while it is said",
  }[m] || m]);
  if (there.length > 1) sources.push(["all", "all of these together"]);
  byId("source").append(...sources.map(([value, name]) => make("option", { value }, name)));
  state.source = there.includes("text") ? "text" : there[0] || "text";
  byId("label").addEventListener("change", (event) => choose({ label: Number(event.target.value) }));
  byId("source").addEventListener("change", (event) => choose({ source: event.target.value }));
  byId("measure").addEventListener("change", (event) => choose({ measure: event.target.value }));
  byId("keys-button").addEventListener("click", () => {
    const shown = byId("keys").hidden;
    byId("keys").hidden = !shown;
    byId("keys-button").setAttribute("aria-expanded", shown);
  });
}

// What each word of an utterance did for the chosen label; null where nothing is known.
function valuesOf(utterance) {
  const held = state.measure === "effect" ? utterance.wordEffects : utterance.wordWeights;
  if (!held) return null;
  if (state.source !== "all") return held[state.source]?.[state.label] || null;
  const rows = Object.values(held).map((labels) => labels[state.label]);
  const parts = state.measure === "effect" ? 1 : rows.length;
  return utterance.words.map((_, w) => rows.reduce((sum, row) => sum + row[w], 0) / parts);
}

function largestValue() {
  const floor = state.measure === "effect" ? LEAST_EFFECT : 0;
  const all = data.utterances.flatMap((utterance) => valuesOf(utterance) || []);
  return all.reduce((most, value) => Math.max(most, Math.abs(value)), floor);
}
