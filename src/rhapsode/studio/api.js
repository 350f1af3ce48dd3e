// The paths of the server.

export class Failed extends Error {
  constructor(status, { message, code } = {}) {
    super(message ?? `The server answered with status ${status}.`);
    this.status = status;
    this.code = code;
  }
}

async function fetched(path, options) {
  const response = await fetch(path, options);
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  throw new Failed(response.status, told.error);
}

function sent(path, body, signal) {
  if (body === undefined) return fetched(path, { signal });
  const headers = { "Content-Type": "application/json" };
  return fetched(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

// Sends a file. Throws `Failed`.
export const put = async (path, file) => (await fetched(path, { method: "PUT", body: file })).json();

// The answer of a path, which is JSON. body: is sent; without one, the path is only asked. Throws `Failed`.
export const ask = async (path, body, signal) => (await sent(path, body, signal)).json();

// The answer of a path, which is a file: a Blob. Throws `Failed`.
export const file = async (path, body, signal) => (await sent(path, body, signal)).blob();

// The server-sent events of a path, each of which is JSON. Throws `Failed`, also for an error among the events.
export async function* events(path, body, signal) {
  const response = await sent(path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new TypeError("network"); // the server was ended: what it tells has an end
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const data = part.replace(/^data: /, "");
      if (data === "[DONE]") return;
      const event = JSON.parse(data);
      if (event.error) throw new Failed(response.status, event.error);
      yield event;
    }
  }
}

// Sends a file. progress: is called with the bytes that were sent so far. Throws `Failed`, and `AbortError`.
export const send = (path, file, progress, signal) =>
  new Promise((done, failed) => {
    const request = new XMLHttpRequest(); // fetch does not tell how far it is
    request.open("PUT", path);
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded }) => progress(loaded));
    request.addEventListener("load", () => {
      if (request.status === 200) done(request.response);
      else failed(new Failed(request.status, request.response?.error));
    });
    request.addEventListener("error", () => failed(new TypeError("network")));
    request.addEventListener("abort", () => failed(new DOMException("", "AbortError")));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
