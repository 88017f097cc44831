// Keys and start-up.
function goTo(number, event) {
  const last = data.utterances.length - 1;
  const at = Math.min(Math.max(number, 0), last);
  if (at < 0) return;
  jump(data.utterances[at].start, at);
  const item = byId("transcript").children[at];
  // In the transcript the focus moves along and is read out; in the timeline it stays.
  if (event.currentTarget === byId("transcript")) item.focus();
  else byId("status").textContent = item.getAttribute("aria-label");
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
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("button, select")) return;
  const actions = {
    ArrowDown: () => goTo(state.current + 1, event),
    ArrowUp: () => goTo(state.current - 1, event),
    Home: () => goTo(0, event),
    End: () => goTo(data.utterances.length - 1, event),
    ArrowRight: () => goToWord(1),
    ArrowLeft: () => goToWord(-1),
    Enter: () => goTo(state.current, event),
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
preparePlaying();
on("choice", drawMoment);
on("current", drawMoment);
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
byId("cut-note").hidden = !data.utterances.some((utterance) => utterance.cuts);
