// Keys and start-up.
// Go to an utterance, or to the next shown one in the direction of the step.
function goTo(number, step, event) {
  const at = nextShown(number, step);
  if (at < 0) return;
  jump(data.utterances[at].start, at);
  const item = byId("transcript").children[at];
  // In the transcript the focus moves along and is read out; in the timeline it stays.
  if (event.currentTarget === byId("transcript")) item.focus();
  else byId("status").textContent = item.getAttribute("aria-label");
  reveal(at);
}

function goToWord(step) {
  const utterance = data.utterances[state.current];
  if (!utterance || !utterance.words.length) return;
  const at = Math.min(Math.max(state.word + step, 0), utterance.words.length - 1);
  state.word = at;
  jump(utterance.words[at][1], state.current);
  emit("word", at);
  const span = byId("transcript").children[state.current].querySelectorAll(".word")[at];
  byId("status").textContent = `${span.textContent}: ${span.title}`;
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("button, select, input, textarea")) return;
  const actions = {
    ArrowDown: () => goTo(state.current + 1, 1, event),
    ArrowUp: () => goTo(state.current - 1, -1, event),
    Home: () => goTo(0, 1, event),
    End: () => goTo(data.utterances.length - 1, -1, event),
    ArrowRight: () => goToWord(1),
    ArrowLeft: () => goToWord(-1),
    Enter: () => goTo(state.current, 1, event),
    " ": togglePlay,
  };
  const number = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
  const action = number >= 0 && number < data.labels.length
    ? () => choose({ label: number }) : actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

prepareChoices();
prepareTranscript();
prepareNumbers();
prepareFilters();
prepareStrongest();
prepareCorrections();
prepareSaving();
prepareHelp();
preparePlaying();
on("choice", drawMoment);
on("current", drawMoment);
prepareTracks();
prepareTimeline();
drawTimeline();
for (const id of ["timeline", "transcript"]) byId(id).addEventListener("keydown", onKey);
window.addEventListener("beforeprint", () => {
  byId("numbers").open = true;
  view.paper = true;
  drawTimeline();
});
window.addEventListener("afterprint", () => {
  view.paper = false;
  drawTimeline();
});
choose({});
markCurrent();
markWord(now());
// Whatever is scrolled into view stays clear of the player and the timeline above it.
new ResizeObserver(() => {
  document.documentElement.style.setProperty("--stage", `${byId("stage").offsetHeight}px`);
}).observe(byId("stage"));
