// The current utterance: the probability of each emotion, its band, and the modalities' effects.
function probabilityBar(utterance, k) {
  const [low, high] = [utterance.low[k], utterance.high[k]];
  const x = (share) => 200 * share;
  const cut = utterance.cuts ? utterance.cuts[k] : null;
  return shape("svg", { viewBox: "0 0 200 20", preserveAspectRatio: "none", "aria-hidden": "true" },
    shape("rect", { x: 0, y: 4, width: 200, height: 12, class: "void" }),
    shape("rect", { x: 0, y: 4, width: x(utterance.probs[k]), height: 12, class: "prob" }),
    low === null ? null : shape("rect", { x: x(low), y: 7, height: 6, class: "band",
      width: Math.max(x(high - low), 1) }),
    shape("line", { x1: x(utterance.probs[k]), x2: x(utterance.probs[k]), y1: 2, y2: 18,
      class: "level" }),
    utterance.usual ? shape("line", { x1: x(utterance.usual[k]), x2: x(utterance.usual[k]), y1: 14,
      y2: 20, class: "level" }) : null,
    cut === null ? null : shape("line", { x1: x(cut), x2: x(cut), y1: 0, y2: 20, class: "cut" }));
}

// The channels that the recording has; the page explains in words why it lacks others.
const channels = data.modalities.filter((modality) => !(modality in data.absent));

// One cell per channel, empty where the utterance does not have it.
function effectCells(effects) {
  return channels.map((modality) => make("td", { class: "effect number" },
    modality in effects ? timesOdds(effects[modality]) : ""));
}

function momentHead() {
  return make("thead", {}, make("tr", {},
    make("td", { colspan: 3 }),
    make("th", { scope: "colgroup", colspan: channels.length, class: "number" }, "effect on the odds")),
  make("tr", {},
    make("th", { scope: "col" }, "emotion"),
    make("th", { scope: "col", colspan: 2 }, "probability"),
    ...channels.map((modality) => make("th", { scope: "col", class: "effect number" },
      make("span", { class: `key ${modality}` }, NAMES[modality] || modality)))));
}

function momentRow(utterance, label, k) {
  const predicted = utterance.labels.includes(label);
  const usual = utterance.usual ? `; usual ${decimals(utterance.usual[k])}` : "";
  const band = (utterance.low[k] === null ? "no band" :
    `${decimals(utterance.low[k])} to ${decimals(utterance.high[k])}`) + usual;
  const button = make("button", { type: "button", "aria-pressed": String(k === state.label) }, label);
  button.addEventListener("click", () => choose({ label: k }));
  return make("tr", { class: k === state.label ? "chosen" : null },
    make("th", { scope: "row" }, button),
    make("td", { class: `number${predicted ? " predicted" : ""}`,
      title: `${predicted ? "predicted" : "not predicted"}; ${band}`,
      "aria-label": `${decimals(utterance.probs[k])}, ${band}, ${predicted ? "predicted" : "not predicted"}` },
    `${predicted ? "● " : ""}${decimals(utterance.probs[k])}`),
    make("td", { class: "wide" }, probabilityBar(utterance, k)),
    ...effectCells(utterance.effects[k]));
}

function drawMoment() {
  const utterance = data.utterances[state.current];
  const parts = [];
  if (!utterance) {
    byId("moment").replaceChildren(make("p", {}, "There is no utterance."));
    return;
  }
  byId("now-title").textContent = `Utterance ${state.current + 1} of ${data.utterances.length}, `
    + `${clock(utterance.start)} to ${clock(utterance.end)}`;
  parts.push(make("p", {}, make("strong", {}, utterance.answer)));
  if (utterance.labels !== null) {
    parts.push(make("table", { class: "moment" },
      momentHead(),
      make("tbody", {}, ...data.labels.map((label, k) => momentRow(utterance, label, k)))));
  }
  const missing = absences(utterance);
  if (missing.length) parts.push(make("p", { class: "soft" }, `${missing.join("; ")}.`));
  if (utterance.labels !== null) {
    parts.push(make("p", { class: "soft" }, utterance.labels.length ? "● predicted. " : "",
      utterance.cuts ? "Dashes: threshold. " : "",
      "Effect on the odds: ×2 doubles them, ÷2 halves them; measured by hiding the words, voice or face."));
  }
  byId("moment").replaceChildren(...parts);
}
