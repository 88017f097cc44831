// The strongest moments: predicted emotions, the likely and most probable ones first.
const MOST_MOMENTS = 8;
const WORDS_SHOWN = 60;

function strongestMoments() {
  const moments = data.utterances.flatMap((utterance, n) => {
    if (isUnanswered(utterance) || !isShown(utterance)) return [];
    return utterance.labels.map((label) => ({ utterance, n, label, p: utterance.probs[data.labels.indexOf(label)] }))
      .filter(({ label }) => !data.labels.includes(filter.kind.name) || label === filter.kind.name);
  });
  const rank = ({ utterance, p }) => (utterance.reliability === "likely" ? 1 : 0) + p;
  return moments.sort((a, b) => rank(b) - rank(a) || a.n - b.n).slice(0, MOST_MOMENTS);
}

function shortened(text) {
  return text.length <= WORDS_SHOWN ? text : `${text.slice(0, WORDS_SHOWN).trimEnd()}…`;
}

function momentItem({ utterance, n, label, p }) {
  const button = make("button", { type: "button", "data-jump": utterance.start, "data-jump-to": n },
    make("span", { class: "time" }, clock(utterance.start)), " ",
    make("strong", {}, label), ` ${decimals(p)}`,
    utterance.reliability ? `, ${utterance.reliability}` : "",
    utterance.words.length ? make("span", { class: "soft" }, ` “${shortened(textOf(utterance))}”`) : "");
  return make("li", {}, button);
}

function drawStrongest() {
  const moments = strongestMoments();
  byId("strongest-part").hidden = !moments.length || data.utterances.length < 2;
  byId("strongest").replaceChildren(...moments.map(momentItem));
}

function prepareStrongest() {
  drawStrongest();
  on("filter", drawStrongest);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-jump]");
    if (!button) return;
    const { jump: seconds, jumpTo } = button.dataset;
    jump(Number(seconds), jumpTo === undefined ? null : Number(jumpTo));
    reveal(state.current);
  });
}
