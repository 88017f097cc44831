// Requests to the server. Every error is one line for the user.
export class Unreachable extends Error {}

async function request(method, path, body) {
  let response;
  try {
    response = await fetch(path, { method, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Unreachable("The server does not answer.");
  }
  const content = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new Error(content?.detail || `The server answered with error ${response.status}.`);
  return content;
}

const pathOf = (id) => `/api/recordings/${id}`;

export const readState = () => request("GET", "/api/state");
export const announce = (recording) => request("POST", "/api/recordings", recording);
export const cancel = (id) => request("POST", `${pathOf(id)}/cancel`);
export const remove = (id) => request("DELETE", pathOf(id));
export const clear = () => request("DELETE", "/api/recordings");

// Not by fetch, which does not report the progress of an upload.
export function send(id, part, file, onShare) {
  const upload = new XMLHttpRequest();
  const ended = new Promise((resolve, reject) => {
    upload.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onShare(event.loaded / event.total);
    });
    upload.addEventListener("load", () => {
      if (upload.status < 400) resolve();
      else reject(new Error(detailOf(upload)));
    });
    upload.addEventListener("error", () => reject(new Error("the upload was interrupted")));
    upload.addEventListener("abort", () => reject(new Error("cancelled")));
  });
  upload.open("PUT", `${pathOf(id)}/${part}`);
  upload.setRequestHeader("Content-Type", "application/octet-stream");
  upload.send(file);
  return { ended, stop: () => upload.abort() };
}

function detailOf(upload) {
  try {
    return JSON.parse(upload.responseText).detail;
  } catch {
    return `The server answered with error ${upload.status}.`;
  }
}
