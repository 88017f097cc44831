// Announces changes of state to screen readers, but not every percent.
import { byId } from "./dom.js";
import { emotionsOf, stateOf, statusOf } from "./row.js";

const lastStates = new Map();
const lines = [];

function announcementOf(job) {
  const state = stateOf(job);
  if (state === "done") {
    const emotions = emotionsOf(job).map(({ label, count, of }) => `${label}${of > 1 ? ` in ${count} of ${of}` : ""}`).join(", ");
    return `${job.name} is read: ${emotions || "no emotion found"}.`;
  }
  if (state === "running") return `${job.name}: ${statusOf(job).split(/ \d|,/u)[0]}.`;
  if (state === "uploading") return `${job.name}: uploading.`;
  if (state === "failed") return `Failed: ${job.message}.`;
  return `${job.name}: ${statusOf(job)}.`;
}

export function announceChanges(jobs, first) {
  for (const job of jobs) {
    const state = stateOf(job);
    const now = state === "running" ? `running ${job.stage}` : state;
    if (!first && lastStates.get(job.id) !== now) lines.push(announcementOf(job));
    lastStates.set(job.id, now);
  }
  if (lines.length) byId("announcements").textContent = lines.splice(0).join(" ");
}
