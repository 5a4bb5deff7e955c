// The slider of rounds: asks for a round, shows it in the picture and in the tables; follows the newest while a run works.
import { NetworkView } from "edgeloom/network.js";
import { text } from "edgeloom/quantities.js";
import { cells } from "edgeloom/tables.js";

const WAIT_MS = 120; // between a move of the slider and the question
const LIVE_MS = 500; // at most one question so often while following
const MOST_KEPT = 400;
const STATES = ["took part", "dropped", "away", "not sampled"];

const of = (id) => document.getElementById(id);
const whole = (count) => count.toLocaleString("en").replaceAll(",", "\u202f");

export class Rounds {
  constructor() {
    this.slider = of("round");
    if (!this.slider) return; // nothing is drawn
    const data = JSON.parse(of("live-network-data").textContent);
    this.place = data.place;
    this.view = new NetworkView(of("network"));
    this.kept = new Map();
    this.following = true;
    this.last = 0;
    this.slider.addEventListener("input", () => { this.#follow(false); this.#label(); this.#soon(WAIT_MS); });
    of("follow").addEventListener("click", () => { this.#follow(true); this.slider.value = this.last; this.#label(); this.#soon(0); });
    if (data.last) this.ended(data.last);
  }

  /** A round has ended. */
  ended(number) {
    if (!this.slider || number <= this.last) return;
    this.last = number;
    of("scrub").hidden = false;
    this.slider.max = number;
    of("scrub-last").textContent = whole(number);
    if (!this.following) return;
    this.slider.value = number;
    this.#label();
    if (!this.timer) this.#soon(this.shown ? LIVE_MS : 0);
  }

  #follow(yes) {
    this.following = yes;
    of("follow").setAttribute("aria-pressed", String(yes));
  }

  #label() {
    this.slider.setAttribute("aria-valuetext", `round ${this.slider.value} of ${this.last}`);
    of("net-round").textContent = `, round ${this.slider.value}`;
  }

  #soon(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { this.timer = undefined; this.#ask(Number(this.slider.value)); }, wait);
  }

  async #ask(number) {
    if (!this.kept.has(number)) {
      try {
        const answer = await fetch(`${this.place}${number}`, { headers: { accept: "application/json" } });
        if (!answer.ok) { of("net-said").textContent = `Round ${number} cannot be shown: the server answers ${answer.status}.`; return; }
        this.kept.set(number, await answer.json());
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // fetch reports an unreachable server as a TypeError
        of("net-said").textContent = "The server does not answer.";
        return;
      }
      if (this.kept.size > MOST_KEPT) this.kept.delete(this.kept.keys().next().value);
    }
    if (Number(this.slider.value) !== number) { if (!this.timer) this.#soon(0); return; } // the slider has moved on
    const isNews = this.following && this.shown !== undefined && number > this.shown;
    this.shown = number;
    this.#show(this.kept.get(number), isNews);
  }

  #show(round, moved) {
    this.view.show(round, moved);
    const counts = STATES.filter((state) => round.counts[state]).map((state) => `${whole(round.counts[state])} ${state}`);
    of("net-said").textContent = `${counts.join(", ")}; the round took ${text(round.round_time_s, "s")}.`;
    const caption = `Devices in round ${round.round}`;
    if (round.gathered) this.#fill("net-table", caption, round.nodes.map((node) => [node.title, ...["count", "took_part", "dropped", "away", "not_sampled"].map((name) => whole(node[name]))]), 1);
    else this.#fill("net-table", `${caption}; ${whole(round.counts["not sampled"])} more were not sampled`, round.nodes.map((node) => [
      String(node.device), node.group, said(node, round.slowest), node.num_samples === null ? "" : whole(node.num_samples), node.loss === null ? "" : text(node.loss), node.ready_s === null ? "" : text(node.ready_s, "s"),
    ]), 3);
    this.#fill("edge-table", `Bytes on the wire in round ${round.round}, by connection`, round.edges.map((edge) => [
      edge.start, edge.end, edge.link, text(edge.up_bytes, "B"), text(edge.down_bytes, "B"), text(edge.busy, "%"),
    ]), 3);
  }

  #fill(id, caption, rows, words) {
    const table = of(id), body = document.createElement("tbody");
    table.caption.textContent = caption;
    for (const values of rows) {
      const row = cells(body.insertRow(), "td", values, false);
      [...row.cells].forEach((cell, place) => { if (place >= words) cell.className = "n"; });
    }
    table.tBodies[0].replaceWith(body);
  }
}

function said({ device, state, reason }, slowest) {
  if (state === "took part") return device === slowest ? "took part, the slowest" : state;
  return reason ? `${state}: ${reason}` : state;
}
