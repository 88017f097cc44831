// What is asked of the server. Every error is one line for the user.
export class Unreachable extends Error {}

async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, { method, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Unreachable("The server does not answer.");
  }
  const told = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(told?.detail || `The server answered with error ${answer.status}.`);
  return told;
}

const at = (id) => `/api/recordings/${id}`;

export const readState = () => ask("GET", "/api/state");
export const announce = (recording) => ask("POST", "/api/recordings", recording);
export const cancel = (id) => ask("POST", `${at(id)}/cancel`);
export const remove = (id) => ask("DELETE", at(id));
export const clear = () => ask("DELETE", "/api/recordings");

// fetch does not tell how much of an upload has left; this does.
export function send(id, part, file, onShare) {
  const request = new XMLHttpRequest();
  const ended = new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onShare(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      if (request.status < 400) resolve();
      else reject(new Error(detailOf(request)));
    });
    request.addEventListener("error", () => reject(new Error("the upload broke off")));
    request.addEventListener("abort", () => reject(new Error("cancelled")));
  });
  request.open("PUT", `${at(id)}/${part}`);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(file);
  return { ended, stop: () => request.abort() };
}

function detailOf(request) {
  try {
    return JSON.parse(request.responseText).detail;
  } catch {
    return `The server answered with error ${request.status}.`;
  }
}
