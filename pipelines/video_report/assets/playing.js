// The player, and its controls.
const player = byId("player");
const fallback = { time: 0 };

// Some browsers cannot seek in a data URI; all can in a blob.
function unpack() {
  const [head, body] = player.src.split(",", 2);
  const bytes = Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
  player.src = URL.createObjectURL(new Blob([bytes], { type: head.slice(5, head.indexOf(";")) }));
}

function now() {
  return player && player.readyState > 0 ? player.currentTime : fallback.time;
}

function utteranceAt(seconds) {
  const after = data.utterances.findIndex((utterance) => utterance.end > seconds);
  return after < 0 ? data.utterances.length - 1 : after;
}

function jump(seconds, utterance = null) {
  const time = Math.min(Math.max(seconds, 0), data.duration);
  fallback.time = time;
  if (player) player.currentTime = time;
  setCurrent(utterance === null ? utteranceAt(time) : utterance);
  emit("time", time);
}

function follow() {
  const time = now();
  if (!player.paused) setCurrent(utteranceAt(time));
  emit("time", time);
}

function preparePlaying() {
  if (!player) return;
  if (player.src.startsWith("data:")) unpack();
  // The first picture is that of the first utterance; players show black, or a title, at 0.
  player.addEventListener("loadedmetadata", () => {
    if (!fallback.time && data.utterances.length) jump(data.utterances[0].start, 0);
  }, { once: true });
  let running = false;
  const step = () => {
    follow();
    if (running) requestAnimationFrame(step);
  };
  player.addEventListener("play", () => { if (!running) { running = true; step(); } });
  player.addEventListener("pause", () => { running = false; });
  player.addEventListener("seeked", () => {
    const time = now();
    const current = data.utterances[state.current];
    // A jump to an utterance's start may land just before it; keep the intended one.
    if (!current || time < current.start - 0.2 || time > current.end) setCurrent(utteranceAt(time));
    emit("time", time);
  });
  player.addEventListener("error", () => { byId("unplayable").hidden = false; });
}

function togglePlay() {
  if (!player) return;
  if (player.paused) player.play().catch(() => { byId("unplayable").hidden = false; });
  else player.pause();
}
