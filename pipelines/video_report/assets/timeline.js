// Emotions, words, voice and face on one time axis.
const LANE = { axis: 18, utterance: 20, emotion: 36, emotionOnPhone: 22, voice: 34, face: 22 };
const CROWDED_PX = 8;
const PHONE_PX = 800;
const FEW_UNITS = ["AU1", "AU4", "AU6", "AU9", "AU12", "AU15", "AU25"];
const EVIDENCE = [1, 4];
const PITCH_HZ = [60, 500];
const QUIET_DB = -60;
const PAPER_WIDTH = 580;
const view = { scale: 1, width: 600, height: 0, crowded: false, allUnits: false, paper: false };
let playhead = null;

function zoomSteps() {
  const steps = [[0, "all of it"], [300, "5 min"], [60, "1 min"], [15, "15 s"]];
  return steps.filter(([seconds]) => seconds === 0 || seconds < data.duration);
}

const xOf = (seconds) => seconds * view.scale;

function lanes() {
  const result = [{ kind: "axis", height: LANE.axis, name: "time" },
    { kind: "utterance", height: LANE.utterance, name: "utterances" }];
  const height = window.innerWidth > PHONE_PX || view.paper ? LANE.emotion : LANE.emotionOnPhone;
  data.labels.forEach((label, k) =>
    result.push({ kind: "emotion", height, name: label, range: "0–1", k }));
  const open = tracks.filter((group) => group.open || view.paper);
  return [...result, ...open.flatMap((group) => group.lanes())];
}

function axis(lane, y) {
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800].find((s) => xOf(s) >= 60) || 3600;
  const parts = [];
  for (let at = 0; at <= data.duration; at += step) {
    parts.push(shape("line", { x1: xOf(at), x2: xOf(at), y1: y + 14, y2: view.height, class: "rule" }));
    parts.push(shape("text", { x: xOf(at) + 3, y: y + 13 }, clock(at)));
  }
  return parts;
}

function utteranceBlocks(lane, y) {
  return data.utterances.map((utterance, n) => {
    const width = Math.max(xOf(utterance.end - utterance.start) - 1, 2);
    const block = shape("rect", { x: xOf(utterance.start), y: y + 2, width, height: lane.height - 4,
      rx: 3, "data-utterance": n,
      class: isShown(utterance) ? "utterance-block" : "utterance-block filtered" },
    shape("title", {}, `${clock(utterance.start)} ${textOf(utterance)} — ${utterance.answer}`));
    const room = Math.floor(width / 5.5) - 1;
    const text = textOf(utterance);
    const label = text.length <= room ? text : `${text.slice(0, Math.max(room - 1, 0))}…`;
    const words = room > 4 && text
      ? shape("text", { x: xOf(utterance.start) + 4, y: y + 14, "pointer-events": "none" }, label) : null;
    return shape("g", {}, block, ...(words ? [words] : []));
  });
}

function emotion(lane, y) {
  const { k } = lane;
  const top = y + 4;
  const high = lane.height - 6;
  const yOf = (share) => top + high * (1 - share);
  const parts = [shape("line", { x1: 0, x2: view.width, y1: yOf(0), y2: yOf(0), class: "rule" })];
  for (const utterance of data.utterances) {
    const [x, width] = [xOf(utterance.start), Math.max(xOf(utterance.end - utterance.start) - 1, 1)];
    if (!utterance.probs) {
      parts.push(shape("rect", { x, y: top, width, height: high, class: "void" },
        shape("title", {}, "nothing to read")));
      continue;
    }
    const p = utterance.probs[k];
    const predicted = utterance.labels.includes(lane.name);
    const [low, up] = [utterance.low[k], utterance.high[k]];
    const title = `${lane.name} ${decimals(p)}`
      + (low === null ? "" : ` (${decimals(low)} to ${decimals(up)})`) + (predicted ? ", predicted" : "");
    if (view.crowded) {
      parts.push(shape("rect", { x, y: yOf(p), width, height: Math.max(high * p, 0.5),
        class: predicted ? "prob strong" : "prob" }, shape("title", {}, title)));
      continue;
    }
    parts.push(shape("rect", { x, y: yOf(p), width, height: Math.max(high * p, 0.5), class: "prob" },
      shape("title", {}, title)));
    if (low !== null) {
      parts.push(shape("rect", { x, y: yOf(up), width, height: Math.max(yOf(low) - yOf(up), 1),
        class: "band" }, shape("title", {}, title)));
    }
    parts.push(shape("line", { x1: x, x2: x + width, y1: yOf(p), y2: yOf(p), class: "level" }));
    if (utterance.cuts && utterance.cuts[k] !== null) {
      const cut = yOf(utterance.cuts[k]);
      parts.push(shape("line", { x1: x, x2: x + width, y1: cut, y2: cut, class: "cut" }));
    }
    if (predicted) {
      parts.push(shape("circle", { cx: x + Math.min(width / 2, 7), cy: yOf(0) - 5, r: 3,
        class: utterance.reliability === "possible" ? "dot ring" : "dot" }));
    }
  }
  return [shape("g", { class: k === state.label ? "chosen-lane" : null, "data-lane": k }, ...parts)];
}

// Runs of known values, as lists of [seconds, value].
function runs(values) {
  const result = [];
  let run = null;
  values.forEach((value, n) => {
    if (value === null) { run = null; return; }
    if (run === null) result.push(run = []);
    run.push([(n + 0.5) * data.tracks.step, value]);
  });
  return result;
}

function linePath(values, yOf) {
  return runs(values).map((run) => {
    const points = run.length > 1 ? run : [[run[0][0] - data.tracks.step / 2, run[0][1]],
      [run[0][0] + data.tracks.step / 2, run[0][1]]];
    return `M${points.map(([t, v]) => `${xOf(t).toFixed(1)} ${yOf(v).toFixed(1)}`).join("L")}`;
  }).join("");
}

function areaPath(values, yOf, base) {
  return runs(values).map((run) => {
    const half = data.tracks.step / 2;
    const points = [[run[0][0] - half, run[0][1]], ...run, [run[run.length - 1][0] + half,
      run[run.length - 1][1]]];
    const line = points.map(([t, v]) => `${xOf(t).toFixed(1)} ${yOf(v).toFixed(1)}`).join("L");
    return `M${xOf(points[0][0]).toFixed(1)} ${base}L${line}`
      + `L${xOf(points[points.length - 1][0]).toFixed(1)} ${base}Z`;
  }).join("");
}

// One scale for all units, up to the strongest evidence, within bounds.
function evidenceReach() {
  const most = data.tracks.face.reduce((largest, track) =>
    track.values.reduce((m, v) => Math.max(m, Math.abs(v ?? 0)), largest), 0);
  return within(Math.ceil(most), ...EVIDENCE);
}

const within = (value, low, high) => Math.min(Math.max(value, low), high);

function voice(lane, y) {
  const [top, high] = [y + 3, lane.height - 6];
  if (lane.kind === "pitch") {
    const share = (hz) => Math.log(within(hz, ...PITCH_HZ) / PITCH_HZ[0]) / Math.log(PITCH_HZ[1] / PITCH_HZ[0]);
    return [shape("path", { class: "line audio",
      d: linePath(data.tracks.pitch, (hz) => top + high * (1 - share(hz))) })];
  }
  const yOf = (db) => top + high * (within(db, QUIET_DB, 0) / QUIET_DB);
  return [shape("path", { class: "area audio", d: areaPath(data.tracks.loudness, yOf, top + high) })];
}

function face(lane, y) {
  const middle = y + lane.height / 2;
  const reach = lane.height / 2 - 1;
  const most = evidenceReach();
  const yOf = (value) => middle - reach * value / most;
  const part = (bounds) => lane.track.values.map((v) => (v === null ? null : within(v, ...bounds)));
  return [shape("line", { x1: 0, x2: view.width, y1: middle, y2: middle, class: "rule" }),
    shape("path", { class: "area visual", d: areaPath(part([0, most]), yOf, middle) }),
    shape("path", { class: "area against", d: areaPath(part([-most, 0]), yOf, middle) })];
}

const DRAW = { axis, utterance: utteranceBlocks, emotion, expressions, pitch: voice, loudness: voice, face };

function nameOf(lane) {
  if (lane.kind === "expressions") return expressionNames(lane);
  const full = lane.more ? `${lane.name} ${lane.more}` : lane.name;
  const name = make("div", { title: full, class: lane.k === state.label ? "chosen" : null },
    make("span", {}, lane.name, lane.more ? make("span", { class: "wordy" }, ` ${lane.more}`) : ""),
    lane.range ? make("span", { class: "range" }, lane.range) : "");
  if (lane.k !== undefined) {
    name.dataset.name = lane.k;
    name.addEventListener("click", () => choose({ label: lane.k }));
  }
  name.style.height = `${lane.height}px`;
  return name;
}

function unitsButton() {
  const button = make("button", { type: "button", "aria-pressed": String(view.allUnits) },
    view.allUnits ? "fewer" : `all ${data.tracks.face.length} units`);
  button.addEventListener("click", () => { view.allUnits = !view.allUnits; drawTimeline(); });
  const group = make("div", { class: "group" }, button);
  group.style.height = "26px";
  return group;
}

function drawTimeline() {
  const holder = byId("timeline");
  const old = holder.querySelector(".lanes");
  const startS = old ? old.scrollLeft / view.scale : 0;
  const rows = lanes();
  const names = make("div", { class: "names" }, ...rows.map(nameOf));
  const units = rows.some(({ kind }) => kind === "face");
  if (units) names.append(unitsButton());
  const scroller = make("div", { class: "lanes" });
  holder.replaceChildren(names, scroller);
  const seconds = (!view.paper && Number(byId("zoom").value)) || data.duration || 1;
  view.scale = (view.paper ? PAPER_WIDTH : Math.max(scroller.clientWidth, 200)) / seconds;
  view.width = Math.max(data.duration * view.scale, 1);
  view.height = rows.reduce((sum, lane) => sum + lane.height, 0) + (units ? 26 : 0);
  view.crowded = view.width < CROWDED_PX * data.utterances.length;
  const picture = shape("svg", { width: view.width, height: view.height, "aria-hidden": "true",
    viewBox: `0 0 ${view.width} ${view.height}`, preserveAspectRatio: "none" });
  let y = 0;
  for (const lane of rows) {
    picture.append(...DRAW[lane.kind](lane, y));
    y += lane.height;
  }
  if (units) {
    picture.append(shape("text", { x: 4, y: y + 16 }, `face: evidence for (up) and against (down), log10 odds `
      + `up to ±${evidenceReach()}; gaps: no face`));
  }
  playhead = shape("line", { y1: 0, y2: view.height, class: "head" });
  picture.append(playhead);
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    jump((event.clientX - box.left) / box.width * data.duration);
    reveal(state.current);
  });
  scroller.append(picture);
  scroller.scrollLeft = startS * view.scale;
  markTimeline();
  moveHead(now());
}

function markTimeline() {
  for (const block of byId("timeline").querySelectorAll(".utterance-block")) {
    block.classList.toggle("current", Number(block.dataset.utterance) === state.current);
  }
  for (const lane of byId("timeline").querySelectorAll("[data-lane]")) {
    lane.classList.toggle("chosen-lane", Number(lane.dataset.lane) === state.label);
  }
  for (const name of byId("timeline").querySelectorAll("[data-name]")) {
    name.classList.toggle("chosen", Number(name.dataset.name) === state.label);
  }
}

function moveHead(seconds) {
  const x = xOf(seconds);
  playhead.setAttribute("x1", x);
  playhead.setAttribute("x2", x);
  const scroller = byId("timeline").querySelector(".lanes");
  if (x < scroller.scrollLeft || x > scroller.scrollLeft + scroller.clientWidth - 20) {
    scroller.scrollLeft = Math.max(x - scroller.clientWidth / 4, 0);
  }
}

function prepareTimeline() {
  byId("zoom").append(...zoomSteps().map(([seconds, name]) => make("option", { value: seconds }, name)));
  byId("zoom").closest("label").hidden = zoomSteps().length < 2;
  byId("zoom").addEventListener("change", drawTimeline);
  let width = 0;
  new ResizeObserver(() => {
    if (byId("timeline").clientWidth !== width) { width = byId("timeline").clientWidth; drawTimeline(); }
  }).observe(byId("timeline"));
  on("time", moveHead);
  on("filter", drawTimeline);
  on("current", markTimeline);
  on("choice", markTimeline);
}
