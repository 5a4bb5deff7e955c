// What the pages of all kinds of runs share: the log, how far the run is, and its state.
import { text } from "edgeloom/quantities.js";

const MOST_LINES = 200;
const LEAST_DONE = 3; // before that, starting up is most of the time and says nothing about the rest
const of = (id) => document.getElementById(id);

/** Add the lines that the list does not have, newest first. */
export function drawLog(lines) {
  const list = of("log");
  const known = new Set([...list.children].map((item) => Number(item.dataset.seq)));
  for (const { frame, text: words, level } of lines) {
    if (known.has(frame.seq)) continue;
    const item = document.createElement("li");
    item.dataset.seq = frame.seq;
    if (level === "warning") item.className = "warning";
    const time = document.createElement("time");
    time.dateTime = frame.at;
    time.textContent = frame.at.slice(11, 19);
    item.append(time, words);
    list.prepend(item);
  }
  while (list.children.length > MOST_LINES) list.lastElementChild.remove();
}

/** A handler of notices; the head of the page is asked for again when the state changes. */
export function noticeHandler(state) {
  let seen = state;
  return ({ kind, body }) => {
    if (kind === "state" && body.state + body.wanted !== seen) {
      seen = body.state + body.wanted;
      document.body.dispatchEvent(new CustomEvent("edgeloom:state"));
    }
    if (kind !== "progress") return;
    const bar = of("progress"), words = of("progress-text");
    if (bar) { bar.max = body.total || 1; bar.value = body.done; }
    const left = body.done >= LEAST_DONE ? (body.host_time_s * (body.total - body.done)) / body.done : null;
    const rest = left !== null && body.done < body.total ? `, about ${text(left, "s")} left on this machine` : "";
    if (words && body.total) words.textContent = `${body.unit} ${body.done} of ${body.total}${rest}`;
  };
}

export function showStatus(state, words) {
  const badge = of("live");
  if (!badge || badge.textContent === words) return;
  badge.dataset.state = state;
  badge.textContent = words;
}
