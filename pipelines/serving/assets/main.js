// The page: files come in, the list follows what the server says.
import { cancel, clear, readState, remove, Unreachable } from "./api.js";
import { byId, make, plural, setText } from "./dom.js";
import { pair } from "./pairs.js";
import { Row, stateOf } from "./row.js";
import { tellChanges } from "./said.js";
import { Uploads } from "./uploads.js";

const BUSY_MS = 500;
const IDLE_MS = 4000;
const ACTIVE = ["local", "uploading", "waiting", "running"];

const rows = new Map();
let state = null;
let timer = 0;
let due = Infinity;
let asking = false;

const uploads = new Uploads(() => { draw(); soon(); }, (line) => complain([line]));

const actions = {
  cancel: (job) => (job.state === "uploading" ? uploads.stop(job.id) : cancel(job.id)).catch(told).finally(refresh),
  withdraw: (job) => uploads.withdraw(job.id),
  remove: (job) => {
    focusBeside(job.id);
    remove(job.id).catch(told).finally(refresh);
  },
};

// An error that the list does not show by itself.
function told(error) {
  if (!(error instanceof Unreachable)) complain([error.message]);
}

function complain(lines) {
  byId("problem-list").append(...lines.map((line) => make("li", {}, line)));
  byId("problems").hidden = byId("problem-list").children.length === 0;
}

function listed() {
  const held = state.recordings.map((job) => {
    const share = job.state === "uploading" ? uploads.shareOf(job.id) : null;
    return share === null ? job : { ...job, share };
  });
  const local = uploads.unlisted(new Set(held.map((job) => job.id))).map(({ key, file }) => ({ id: key, name: file.name, size: file.size, state: "local", stage: "upload",
    share: 0, message: "", notes: [], summary: null }));
  // What is being done comes first, in its order; then what was done last.
  const order = (job) => (job.state === "running" ? 0 : job.state === "uploading" ? 1 : job.state === "waiting" ? 2 : 3);
  const active = held.filter((job) => ACTIVE.includes(job.state)).sort((a, b) => order(a) - order(b));
  const ended = held.filter((job) => !ACTIVE.includes(job.state)).sort((a, b) => b.finished - a.finished);
  return [...active, ...local, ...ended];
}

function draw() {
  if (!state) return;
  const jobs = listed();
  const shown = new Set(jobs.map((job) => job.id));
  for (const [id, row] of rows) {
    if (!shown.has(id)) { row.element.remove(); rows.delete(id); }
  }
  jobs.forEach((job, n) => {
    if (!rows.has(job.id)) rows.set(job.id, new Row(job, state, actions));
    const row = rows.get(job.id);
    row.update(job);
    place(row.element, n);
  });
  drawCounts(jobs);
}

// Moving an element takes the focus from it.
function place(element, n) {
  const list = byId("recordings");
  if (list.children[n] === element) return;
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  list.insertBefore(element, list.children[n] || null);
  focused?.focus({ preventScroll: true });
}

function drawCounts(jobs) {
  const active = jobs.filter((job) => ACTIVE.includes(job.state)).length;
  const ready = jobs.filter((job) => stateOf(job) === "done").length;
  byId("none").hidden = jobs.length > 0;
  byId("drop").classList.toggle("small", jobs.length > 0);
  byId("clear").hidden = jobs.length - active < 2;
  setText(byId("counts"), jobs.length ? `${ready} ready${active ? `, ${active} on the way` : ""}` : "");
  document.title = active ? `(${active}) mmemo` : ready ? `✓ ${plural(ready, "report")} – mmemo` : "mmemo";
}

function introduce() {
  const { limits, about, version, suffixes } = state;
  byId("demonstration").hidden = !about.demonstration;
  setText(byId("taken"), `Up to ${limits.upload_mb} MB and ${plural(limits.media_minutes, "minute")} each. A transcript of the same name dropped along `
    + "(.json, .TextGrid, .vtt, .srt, .txt) is used; without one the words are recognised, in English.");
  const where = about.local ? "Files do not leave this machine." : `Files are sent to ${location.host} and read there; whoever opens this page sees them.`;
  const until = `after ${plural(limits.keep_hours, "hour")}${about.kept ? "" : ", or when the server stops"}`;
  setText(byId("privacy"), `${where} Recordings and results are removed ${until}.`);
  setText(byId("made-by"), `mmemo ${version}, model trained on ${about.dataset}.`);
  byId("files").accept = ["video/*", "audio/*", ...suffixes.media, ...suffixes.transcripts].join(",");
}

async function refresh() {
  clearTimeout(timer);
  due = Infinity;
  if (asking) return soon();
  asking = true;
  try {
    const first = state === null;
    state = await readState();
    if (first) introduce();
    draw();
    tellChanges(state.recordings, first);
    byId("unreachable").hidden = true;
  } catch (error) {
    setText(byId("unreachable"), `${error.message} Trying again.`);
    byId("unreachable").hidden = false;
  } finally {
    asking = false;
    soon();
  }
}

// Look again before long, and never later than was planned: each byte of an upload asks for it, and
// the end of one, when the list as it was last seen has nothing on its way.
function soon() {
  const busy = !state || uploads.busy || state.recordings.some((job) => ACTIVE.includes(job.state));
  const at = performance.now() + (busy ? BUSY_MS : IDLE_MS);
  if (at >= due) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(refresh, at - performance.now());
}

// The focus would be lost with the row that goes.
function focusBeside(id) {
  const item = rows.get(id)?.element;
  const beside = item?.nextElementSibling || item?.previousElementSibling;
  (beside?.querySelector(".actions a, .actions button") || byId("choose")).focus();
}

function take(files, folders = []) {
  byId("problem-list").replaceChildren();
  byId("problems").hidden = true;
  if (!state) return complain(["The server does not answer; try again."]);
  const { recordings, problems } = pair(files, state.suffixes);
  const large = recordings.filter(({ file }) => file.size > state.limits.upload_mb * 1e6);
  const empty = recordings.filter(({ file }) => file.size === 0);
  complain([
    ...folders.map((name) => `${name}: a folder; drop the files in it.`),
    ...problems,
    ...large.map(({ file }) => `${file.name}: too large, ${Math.ceil(file.size / 1e6)} MB; at most ${state.limits.upload_mb} MB are taken.`),
    ...empty.map(({ file }) => `${file.name}: the file is empty.`),
  ]);
  const taken = recordings.filter((held) => !large.includes(held) && !empty.includes(held));
  if (taken.length) uploads.add(taken);
}

function prepareDropping() {
  let depth = 0;
  const over = (is) => { byId("cover").hidden = !is; byId("drop").classList.toggle("over", is); };
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("dragenter", (event) => { if (carriesFiles(event)) { depth += 1; over(true); } });
  window.addEventListener("dragleave", () => { depth = Math.max(depth - 1, 0); if (!depth) over(false); });
  window.addEventListener("dragover", (event) => { if (carriesFiles(event)) event.preventDefault(); });
  window.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    over(false);
    const folders = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry?.isDirectory);
    const names = folders.map((entry) => entry.name);
    take([...event.dataTransfer.files].filter((file) => !names.includes(file.name)), names);
  });
}

byId("choose").addEventListener("click", () => byId("files").click());
byId("files").addEventListener("change", (event) => {
  take([...event.target.files]);
  event.target.value = "";
});
byId("clear").addEventListener("click", () => {
  byId("choose").focus();
  clear().catch(told).finally(refresh);
});
byId("problems-away").addEventListener("click", () => {
  byId("problem-list").replaceChildren();
  byId("problems").hidden = true;
  byId("choose").focus();
});
window.addEventListener("beforeunload", (event) => { if (uploads.busy) event.preventDefault(); });
// A page that was hidden may be shown long after it last asked.
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
prepareDropping();
refresh();
