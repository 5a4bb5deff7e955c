// Uploads in parts: the file is read once for its checksum, then the parts that are not there yet are sent. Whatever
// breaks off goes on where it stopped, here or on another day.
import { text } from "edgeloom/quantities.js";
import { Sha256 } from "edgeloom/sha256.js";

const API = "/api/v1/datasets";
const PIECE = 4 * 2 ** 20;
const AT_ONCE = 2;
const MOST_TRIES = 6;
const of = (selector) => document.querySelector(selector);
const headers = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");

class Refused extends Error {
  constructor(problem) {
    super(problem.detail);
    this.problems = problem.errors?.length ? problem.errors : [{ path: "", message: problem.detail }];
  }
}

let stopped = false;
let busy = false;

function wait(seconds) {
  return new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });
}

function say(words, share) {
  of("[data-sending]").hidden = false;
  of("[data-said]").textContent = words;
  if (share !== undefined) of("[data-sending] progress").value = share;
}

/** One request; a lost connection, a busy server and too many requests are tried again. */
async function call(method, path, body, more = {}) {
  for (let trial = 1; ; trial += 1) {
    let answer = null;
    try {
      answer = await fetch(API + path, { method, body, headers: { ...headers, accept: "application/json", ...more } });
    } catch (error) {
      if (trial >= MOST_TRIES) throw error;
    }
    if (answer?.ok) return answer.status === 204 ? null : answer.json();
    if (answer && answer.status !== 429 && answer.status < 500) throw new Refused(await answer.json());
    if (answer && trial >= MOST_TRIES) throw new Refused(await answer.json());
    await wait(Number(answer?.headers.get("retry-after") ?? 2 ** trial / 2));
  }
}

async function checksum(file) {
  const hash = new Sha256();
  for (let start = 0; start < file.size; start += PIECE) {
    hash.update(new Uint8Array(await file.slice(start, start + PIECE).arrayBuffer()));
    say(`Reading ${file.name}: ${text(Math.min(file.size, start + PIECE), "B")} of ${text(file.size, "B")}`, start / file.size);
    await wait(0);
  }
  return hash.hex();
}

async function sendParts(upload, file) {
  const waiting = [...upload.missing_parts];
  const size = upload.part_bytes;
  const all = Math.ceil(file.size / size);
  let done = all - waiting.length;
  async function one() {
    while (waiting.length && !stopped) {
      const number = waiting.shift();
      const part = new Uint8Array(await file.slice(number * size, (number + 1) * size).arrayBuffer());
      await call("PUT", `/${upload.id}/parts/${number}`, part, { "content-type": "application/octet-stream" });
      done += 1;
      say(`Sent ${text(Math.min(file.size, done * size), "B")} of ${text(file.size, "B")}`, done / all);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

async function finish(upload) {
  for (let trial = 0; ; trial += 1) {
    const now = await call("POST", `/${upload.id}/complete`);
    if (now.state === "ready") { location.assign(`/datasets/${upload.id}/`); return; }
    say("All of it has arrived. A worker looks through the file now.", 1);
    await wait(Math.min(4, 0.5 + trial / 4));
  }
}

async function send(file, begin) {
  if (busy) return;
  busy = true;
  stopped = false;
  of("[data-failed]").hidden = true;
  of("[data-stop]").hidden = false;
  try {
    const upload = await begin(await checksum(file));
    if (upload.state === "ready") { location.assign(`/datasets/${upload.id}/`); return; }
    if (upload.state === "receiving") await sendParts(upload, file);
    if (stopped) say("Paused. Upload the same file again to go on; what has arrived is kept for three days.");
    else await finish(upload);
  } catch (error) {
    fail(error instanceof Refused ? error.problems : [{ path: "", message: `The connection to the platform was lost (${error.message}). Send it again to go on.` }]);
  } finally {
    busy = false;
    of("[data-stop]").hidden = true;
  }
}

function fail(problems) {
  of("[data-sending]").hidden = true;
  const box = of("[data-failed]");
  box.querySelector("ul").replaceChildren(...problems.map(({ path, message }) => {
    const item = document.createElement("li");
    if (path) {
      const code = document.createElement("code");
      code.textContent = path;
      item.append(code, ": ");
    }
    item.append(message);
    return item;
  }));
  for (const field of document.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  for (const { path } of problems) document.getElementById(path)?.setAttribute("aria-invalid", "true");
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}

function chosen() {
  const file = of("#file").files[0];
  if (!file) fail([{ path: "file", message: "Choose the file to upload." }]);
  return file;
}

of("#upload-form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const file = chosen();
  if (!file) return;
  const words = Object.fromEntries(["name", "kind", "license", "citation"].map((name) => [name, String(new FormData(event.target).get(name) ?? "")]));
  send(file, (sha256) => call("POST", "", JSON.stringify({ ...words, sha256, size_bytes: file.size }), { "content-type": "application/json" }));
});

const continued = of("[data-continue]");
continued?.querySelector("#file")?.addEventListener("change", () => {
  const file = chosen();
  if (!file) return;
  send(file, async (sha256) => {
    const upload = await call("GET", `/${continued.dataset.continue}`);
    if (upload.sha256 !== sha256) {
      throw new Refused({ detail: `${file.name} is not the file that this upload began with: its checksum is another one.` });
    }
    return upload;
  });
});

of("#file")?.addEventListener("change", (event) => {
  const name = of("#name"), file = event.target.files[0];
  if (!file) return;
  if (name && !name.value) name.value = file.name.replace(/\.[^.]+$/, "").slice(0, 120);
  const kind = document.getElementById(file.name.toLowerCase().endsWith(".zip") ? "kind-image_folder" : "kind-arrays");
  if (kind) kind.checked = true;
});
of("[data-stop]")?.addEventListener("click", () => { stopped = true; say("Stopping after the parts that are on their way."); });
// On a slow line a file can be chosen before this script is there, and a browser may bring it back after a reload.
if (of("#file")?.files.length) of("#file").dispatchEvent(new Event("change"));
