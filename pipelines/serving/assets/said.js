// What is read out to people who do not see the list: changes of state, not every percent.
import { byId } from "./dom.js";
import { foundIn, stateOf, statusOf } from "./row.js";

const before = new Map();
const lines = [];

function telling(job) {
  const state = stateOf(job);
  if (state === "done") {
    const found = foundIn(job).map(({ label, count, of }) => `${label}${of > 1 ? ` in ${count} of ${of}` : ""}`).join(", ");
    return `${job.name} is read: ${found || "no emotion found"}.`;
  }
  if (state === "running") return `${job.name}: ${statusOf(job).split(/ \d|,/u)[0]}.`;
  if (state === "uploading") return `${job.name}: uploading.`;
  if (state === "failed") return `Failed: ${job.message}.`;
  return `${job.name}: ${statusOf(job)}.`;
}

export function tellChanges(jobs, first) {
  for (const job of jobs) {
    const state = stateOf(job);
    const now = state === "running" ? `running ${job.stage}` : state;
    if (!first && before.get(job.id) !== now) lines.push(telling(job));
    before.set(job.id, now);
  }
  if (lines.length) byId("said").textContent = lines.splice(0).join(" ");
}
