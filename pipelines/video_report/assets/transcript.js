// Utterances with their words, coloured by their effect on the chosen emotion.
function wordSpan(word, n) {
  const [text, start, , confidence] = word;
  const unsure = confidence !== null && confidence < 0.5;
  const span = make("span", { class: unsure ? "word unsure" : "word", "data-word": n }, text);
  span.dataset.start = start;
  return span;
}

function utteranceItem(utterance, n) {
  const words = make("div", { class: "words" });
  utterance.words.forEach((word, w) => words.append(wordSpan(word, w), " "));
  if (!utterance.words.length) words.append(make("span", { class: "soft" }, "(no words)"));
  const missing = absences(utterance);
  return make("li", { class: "utterance", "data-utterance": n, tabindex: n === 0 ? 0 : -1,
    "aria-label": `${clock(utterance.start)}: ${textOf(utterance) || "no words"}. ${utterance.answer}` },
  make("div", { class: "time" }, `${clock(utterance.start)}–${clock(utterance.end)}`),
  words,
  make("div", { class: "predicted" }, emotionsText(utterance),
    missing.length ? make("div", { class: "soft" }, missing.join("; ")) : "", make("div", { class: "own" })));
}

function emotionsText(utterance) {
  if (utterance.labels === null || !utterance.labels.length) return utterance.answer;
  return utterance.labels
    .map((label) => `${label} ${decimals(utterance.probs[data.labels.indexOf(label)])}`).join(", ");
}

function paintWord(span, value, most) {
  span.classList.toggle("for", value !== null && value > 0);
  span.classList.toggle("against", value !== null && value < 0);
  if (value === null || !most) {
    span.style.background = span.style.borderBottomColor = "";
    span.title = value === null ? "not measured" : "no effect";
    return;
  }
  const share = Math.abs(value) / most;
  const colour = value < 0 ? "--against" : "--for";
  span.style.background = `rgba(var(${colour}), ${(0.5 * share).toFixed(3)})`;
  span.style.borderBottomColor = share < 0.1 ? "transparent" : `rgb(var(${colour}))`;
  span.title = `${data.labels[state.label]}: odds ${timesOdds(value)}`;
}

function paintWords() {
  const most = largestValue();
  for (const item of byId("transcript").children) {
    const values = valuesOf(data.utterances[Number(item.dataset.utterance)]);
    item.querySelectorAll(".word").forEach((span, n) => paintWord(span, values ? values[n] : null, most));
  }
  paintLegend(most);
}

function paintLegend(most) {
  byId("legend").hidden = !data.utterances.some(valuesOf);
  const label = data.labels[state.label];
  const sample = (text, value) => {
    const span = make("span", { class: "word" }, text);
    paintWord(span, value, 1);
    span.removeAttribute("title");
    return span;
  };
  byId("legend").replaceChildren(make("span", {},
    sample("solid line", 1), ` raises the odds of ${label}, `, sample("dashed line", -1), " lowers them; ",
    `strongest colour: ${timesOdds(most)} or ${timesOdds(-most)}.`,
    byId("transcript").querySelector(".unsure") ? " Italics: the recogniser doubts the word." : ""));
}

// One utterance is in the order of Tab: the current one, or the first that is shown.
function markCurrent() {
  const current = data.utterances[state.current];
  const stop = current && isShown(current) ? state.current : nextShown(0, 1);
  for (const item of byId("transcript").children) {
    const here = Number(item.dataset.utterance) === state.current;
    item.classList.toggle("current", here);
    item.tabIndex = Number(item.dataset.utterance) === stop ? 0 : -1;
    if (here) item.setAttribute("aria-current", "true");
    else item.removeAttribute("aria-current");
  }
}

const marked = { utterance: -1, word: -1 };

// Called for each frame that is shown, so nothing is drawn unless it changes.
function markWord(seconds) {
  const utterance = data.utterances[state.current];
  if (!utterance) return;
  const at = utterance.words.findIndex(([, start, end]) => start <= seconds && seconds < end);
  if (marked.utterance === state.current && marked.word === at) return;
  Object.assign(marked, { utterance: state.current, word: at });
  for (const span of byId("transcript").querySelectorAll(".word.on")) span.classList.remove("on");
  if (at >= 0) byId("transcript").children[state.current].querySelectorAll(".word")[at].classList.add("on");
  byId("live").replaceChildren(...utterance.words.flatMap(([text], n) => [
    make("span", { class: n === at ? "on" : null }, text), " "]));
}

function markChosenWord() {
  for (const span of byId("transcript").querySelectorAll(".word.at")) span.classList.remove("at");
  const item = byId("transcript").children[state.current];
  if (item && state.word >= 0) item.querySelectorAll(".word")[state.word].classList.add("at");
}

function filterTranscript() {
  for (const item of byId("transcript").children) {
    item.hidden = !isShown(data.utterances[Number(item.dataset.utterance)]);
  }
  markCurrent();
}

function reveal(number) {
  byId("transcript").children[number]?.scrollIntoView({ block: "nearest" });
}

function prepareTranscript() {
  byId("transcript").append(...data.utterances.map(utteranceItem));
  byId("transcript").addEventListener("click", (event) => {
    const item = event.target.closest(".utterance");
    if (!item || String(window.getSelection())) return;
    const word = event.target.closest(".word");
    const utterance = data.utterances[Number(item.dataset.utterance)];
    jump(word ? Number(word.dataset.start) : utterance.start, Number(item.dataset.utterance));
  });
  on("choice", paintWords);
  on("current", markCurrent);
  on("current", markChosenWord);
  on("filter", filterTranscript);
  on("word", markChosenWord);
  on("time", markWord);
}
