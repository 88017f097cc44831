// One recording in the list. Its elements are created once and updated, so that the focus stays.
import { clock, duration, make, plural, setText, size } from "./dom.js";

const MARKS = { uploading: "↑", waiting: "…", running: "›", done: "✓", failed: "✕", cancelled: "–", nothing: "!" };
const STEP_NAMES = { upload: "Upload", check: "Check", face: "Face", voice: "Voice", words: "Words", emotions: "Emotions", page: "Page" };
const ACTIONS = { check: "checking the file", face: "measuring the face", voice: "measuring the voice", words: "finding the words",
  emotions: "reading emotions", page: "writing the page" };
const PARTS = { text: "words", audio: "voice", visual: "face" };
const PURPOSES = { html: "one file for any browser", mp4: "with the answers drawn", csv: "spreadsheets", jsonl: "programs, with all details", parquet: "data frames",
  vtt: "subtitles", srt: "subtitles", eaf: "annotation", TextGrid: "phonetics" };

// "nothing" is a finished recording without any utterance to read emotions from.
export function stateOf(job) {
  return job.state === "done" && job.summary.read === 0 ? "nothing" : job.state;
}

export function statusOf(job) {
  const state = stateOf(job);
  const percent = job.share === null ? "" : ` ${Math.floor(100 * job.share)} %`;
  if (state === "local") return "waits for its upload";
  if (state === "uploading") return `uploading${percent} of ${size(job.size)}`;
  if (state === "waiting") return job.before ? `waits for ${plural(job.before, "recording")} before it` : "waits";
  if (state === "running") return `${ACTIONS[job.stage]}${percent}, ${duration(job.elapsed_s)}`;
  if (state === "nothing") return `nothing to read emotions from: ${absences(job) || "no utterance"}`;
  if (state === "done") return factsOf(job);
  return state === "failed" ? `Not read: ${job.message}` : job.message;
}

function factsOf(job) {
  const { duration_s: seconds, utterances, words } = job.summary;
  const missing = absences(job);
  const source = job.transcript ? ` from ${job.transcript}` : "";
  return [`${clock(seconds)} long`, plural(utterances, "utterance"), plural(words, "word") + source,
    `read in ${duration(job.elapsed_s ?? 0)}`, missing && `without ${missing}`].filter(Boolean).join(" · ");
}

function absences(job) {
  return Object.entries(job.summary.absent).map(([part, reason]) => `${PARTS[part] || part} (${reason})`).join(", ");
}

export function emotionsOf(job) {
  if (stateOf(job) !== "done") return [];
  return Object.entries(job.summary.found).map(([label, count]) => ({ label, count, of: job.summary.read }));
}

export class Row {
  constructor(job, { stages, forms }, actions) {
    this.stages = stages;
    this.forms = forms;
    this.actions = actions;
    this.mark = make("span", { class: "mark", "aria-hidden": "true" });
    this.picture = make("div", { class: "thumbnail", "aria-hidden": "true" }, this.mark);
    this.title = make("h3", { id: `name-${job.id}` });
    this.status = make("p", { class: "status soft" });
    this.buttons = make("div", { class: "actions" });
    this.more = make("div", { class: "wide" });
    this.element = make("li", { class: "recording", "aria-labelledby": `name-${job.id}`, "data-id": job.id },
      this.picture, make("div", { class: "main-part" }, this.title, this.status, this.more), this.buttons);
  }

  update(job) {
    const state = stateOf(job);
    setText(this.title, job.name);
    setText(this.status, statusOf(job));
    if (state !== this.state) this.enter(state, job);
    if (this.steps) this.showSteps(job);
    if (job.thumbnail && !this.image) this.show(job);
  }

  show(job) {
    this.image = make("img", { src: `/recordings/${job.id}/thumbnail`, alt: "" });
    this.picture.prepend(this.image);
    this.picture.classList.add("has-image");
  }

  enter(state, job) {
    const focused = this.buttons.contains(document.activeElement);
    this.state = state;
    this.element.className = `recording ${state}`;
    setText(this.mark, MARKS[state] || "…");
    this.steps = null;
    this.buttons.replaceChildren(...this.buttonsFor(state, job));
    this.more.replaceChildren(...this.moreFor(state, job));
    // A removed button loses the focus.
    if (focused) this.buttons.querySelector("a, button")?.focus();
  }

  buttonsFor(state, job) {
    const button = (text, action) => {
      const element = make("button", { type: "button", "aria-label": `${text} ${job.name}` }, text);
      element.addEventListener("click", () => action(job));
      return element;
    };
    if (state === "local") return [button("Cancel", this.actions.withdraw)];
    if (["uploading", "waiting", "running"].includes(state)) return [button("Cancel", this.actions.cancel)];
    const removal = button("Remove", this.actions.remove);
    if (job.state !== "done") return [removal];
    const report = make("a", { class: state === "done" ? "button main" : "button", href: `/recordings/${job.id}/report`,
      "aria-label": `Open report on ${job.name}` }, "Open report");
    return [report, removal];
  }

  moreFor(state, job) {
    if (["uploading", "running"].includes(state)) return [this.makeSteps()];
    const parts = [];
    const emotions = emotionsOf(job);
    if (state === "done") {
      parts.push(make("ul", { class: "emotions", "aria-label": "Emotions" }, ...(emotions.length
        ? emotions.map(({ label, count, of }) => make("li", {}, make("b", {}, label), of > 1 ? ` in ${count} of ${of}` : ""))
        : [make("li", {}, "no emotion found")])));
    }
    if (job.notes.length) parts.push(make("ul", { class: "notes" }, ...job.notes.map((note) => make("li", {}, note))));
    if (job.state === "done") parts.push(this.downloads(job));
    return parts;
  }

  downloads(job) {
    const links = Object.entries(this.forms).map(([form, name]) => make("li", {},
      make("a", { href: `/recordings/${job.id}/files/${form}`, download: "" }, name), " ",
      make("span", { class: "soft" }, `.${form} — ${PURPOSES[form] || ""}`)));
    return make("details", {}, make("summary", {}, "Download", make("span", { class: "unseen" }, ` answers about ${job.name}`)),
      make("ul", { class: "downloads" }, ...links));
  }

  makeSteps() {
    this.steps = this.stages.map((stage) => {
      const fill = make("div", { class: "fill" });
      const item = make("li", {}, make("div", { class: "track" }, fill), make("span", { class: "label" }, STEP_NAMES[stage]));
      return { stage, fill, item };
    });
    return make("ol", { class: "steps", "aria-label": "Progress" }, ...this.steps.map(({ item }) => item));
  }

  showSteps(job) {
    const now = this.stages.indexOf(job.stage);
    this.steps.forEach(({ fill, item }, n) => {
      const unknown = job.share === null;
      const kind = n < now ? "past" : n > now ? "later" : unknown ? "now unknown" : "now";
      if (item.className !== kind) item.className = kind;
      if (kind.startsWith("now")) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
      fill.style.width = kind === "now" ? `${100 * job.share}%` : "";
    });
  }
}
