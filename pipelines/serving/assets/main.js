// The page: takes files and shows the server's list of recordings.
import { cancel, clear, readState, remove, Unreachable } from "./api.js";
import { announceChanges } from "./announcements.js";
import { byId, make, plural, setText } from "./dom.js";
import { Row, stateOf } from "./row.js";
import { pairTranscripts } from "./transcripts.js";
import { Uploads } from "./uploads.js";

const BUSY_MS = 500;
const IDLE_MS = 4000;
const ACTIVE = ["local", "uploading", "waiting", "running"];

const rows = new Map();
let state = null;
let timer = 0;
let due = Infinity;
let refreshing = false;

const uploads = new Uploads(() => { draw(); refreshSoon(); }, (line) => showProblems([line]));

const actions = {
  cancel: (job) => (job.state === "uploading" ? uploads.stop(job.id) : cancel(job.id)).catch(showError).finally(refresh),
  withdraw: (job) => uploads.withdraw(job.id),
  remove: (job) => {
    focusBeside(job.id);
    remove(job.id).catch(showError).finally(refresh);
  },
};

// Shows an error that is not in the list.
function showError(error) {
  if (!(error instanceof Unreachable)) showProblems([error.message]);
}

function showProblems(lines) {
  byId("problem-list").append(...lines.map((line) => make("li", {}, line)));
  byId("problems").hidden = byId("problem-list").children.length === 0;
}

function listedJobs() {
  const recordings = state.recordings.map((job) => {
    const share = job.state === "uploading" ? uploads.shareOf(job.id) : null;
    return share === null ? job : { ...job, share };
  });
  const local = uploads.unlisted(new Set(recordings.map((job) => job.id))).map(({ key, file }) => ({ id: key, name: file.name, size: file.size, state: "local", stage: "upload",
    share: 0, message: "", notes: [], summary: null }));
  // Active recordings come first, in the order of work; then finished ones, the last first.
  const order = (job) => (job.state === "running" ? 0 : job.state === "uploading" ? 1 : job.state === "waiting" ? 2 : 3);
  const active = recordings.filter((job) => ACTIVE.includes(job.state)).sort((a, b) => order(a) - order(b));
  const ended = recordings.filter((job) => !ACTIVE.includes(job.state)).sort((a, b) => b.finished - a.finished);
  return [...active, ...local, ...ended];
}

function draw() {
  if (!state) return;
  const jobs = listedJobs();
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

// Moving an element removes its focus.
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
  setText(byId("limits"), `Up to ${limits.upload_mb} MB and ${plural(limits.media_minutes, "minute")} each. A transcript of the same name `
    + "(.json, .TextGrid, .vtt, .srt, .txt) dropped with it is used; otherwise the words are recognised (English).");
  const where = about.local ? "Files do not leave this machine." : `Files are sent to ${location.host} and read there; whoever opens this page sees them.`;
  const times = limits.keep_hours === null ? [] : [`after ${plural(limits.keep_hours, "hour")}`];
  if (!about.kept) times.push("when the server stops");
  const until = times.length ? `are removed ${times.join(", or ")}` : "are kept until someone removes them";
  setText(byId("privacy"), `${where} Recordings and results ${until}.`);
  const leftOut = about.without.length ? ` Not used: ${about.without.join(", ")}.` : "";
  setText(byId("made-by"), `mmemo ${version}, model trained on ${about.dataset}.${leftOut}`);
  byId("files").accept = ["video/*", "audio/*", ...suffixes.media, ...suffixes.transcripts].join(",");
}

async function refresh() {
  clearTimeout(timer);
  due = Infinity;
  if (refreshing) return refreshSoon();
  refreshing = true;
  try {
    const first = state === null;
    state = await readState();
    if (first) introduce();
    draw();
    announceChanges(state.recordings, first);
    byId("unreachable").hidden = true;
  } catch (error) {
    setText(byId("unreachable"), `${error.message} Trying again.`);
    byId("unreachable").hidden = false;
  } finally {
    refreshing = false;
    refreshSoon();
  }
}

// Schedules a refresh, never later than one already scheduled: uploads call this often, and at their
// end, when the last list may have no active recording.
function refreshSoon() {
  const busy = !state || uploads.busy || state.recordings.some((job) => ACTIVE.includes(job.state));
  const at = performance.now() + (busy ? BUSY_MS : IDLE_MS);
  if (at >= due) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(refresh, at - performance.now());
}

// The removed row would lose the focus.
function focusBeside(id) {
  const item = rows.get(id)?.element;
  const beside = item?.nextElementSibling || item?.previousElementSibling;
  (beside?.querySelector(".actions a, .actions button") || byId("choose")).focus();
}

function addFiles(files, folders = []) {
  byId("problem-list").replaceChildren();
  byId("problems").hidden = true;
  if (!state) return showProblems(["The server does not answer; try again."]);
  const { recordings, problems } = pairTranscripts(files, state.suffixes);
  const large = recordings.filter(({ file }) => file.size > state.limits.upload_mb * 1e6);
  const empty = recordings.filter(({ file }) => file.size === 0);
  showProblems([
    ...folders.map((name) => `${name}: a folder; drop the files in it.`),
    ...problems,
    ...large.map(({ file }) => `${file.name}: too large, ${Math.ceil(file.size / 1e6)} MB; at most ${state.limits.upload_mb} MB are taken.`),
    ...empty.map(({ file }) => `${file.name}: the file is empty.`),
  ]);
  const accepted = recordings.filter((recording) => !large.includes(recording) && !empty.includes(recording));
  if (accepted.length) uploads.add(accepted);
}

function prepareDropping() {
  let depth = 0;
  const highlight = (on) => { byId("cover").hidden = !on; byId("drop").classList.toggle("over", on); };
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  window.addEventListener("dragenter", (event) => { if (carriesFiles(event)) { depth += 1; highlight(true); } });
  window.addEventListener("dragleave", () => { depth = Math.max(depth - 1, 0); if (!depth) highlight(false); });
  window.addEventListener("dragover", (event) => { if (carriesFiles(event)) event.preventDefault(); });
  window.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    highlight(false);
    const folders = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry?.isDirectory);
    const names = folders.map((entry) => entry.name);
    addFiles([...event.dataTransfer.files].filter((file) => !names.includes(file.name)), names);
  });
}

byId("choose").addEventListener("click", () => byId("files").click());
byId("files").addEventListener("change", (event) => {
  addFiles([...event.target.files]);
  event.target.value = "";
});
byId("clear").addEventListener("click", () => {
  byId("choose").focus();
  clear().catch(showError).finally(refresh);
});
byId("dismiss-problems").addEventListener("click", () => {
  byId("problem-list").replaceChildren();
  byId("problems").hidden = true;
  byId("choose").focus();
});
window.addEventListener("beforeunload", (event) => { if (uploads.busy) event.preventDefault(); });
// A page may be shown long after its last refresh.
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
prepareDropping();
refresh();
