// The live stream of a run: websocket with replay, and polling of the same events where sockets do not get through.

const POLL_MS = 2000;
const MOST_WAIT_MS = 15000;
const REFUSALS = { 4401: "signed out", 4403: "not allowed", 4404: "gone" };

export class Live {
  /**
   * @param run id of the run
   * @param after number of the last event that is known
   * @param handlers frame(frame), notice(frame), status(state, words)
   * @param places addresses of the socket and of the polled events, where they are not those of members
   */
  constructor(run, after, handlers, places = {}) {
    this.socketPlace = places.socket ?? `/ws/runs/${run}/`;
    this.eventsPlace = places.events ?? `/api/v1/runs/${run}/events`;
    this.seq = after;
    this.handlers = handlers;
    this.failures = 0;
    this.closed = false;
    this.#connect();
  }

  close() {
    this.closed = true;
    this.socket?.close();
    clearTimeout(this.timer);
  }

  #connect() {
    if (this.closed) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    let opened = false;
    this.socket = new WebSocket(`${scheme}://${location.host}${this.socketPlace}?after=${this.seq}`);
    this.socket.addEventListener("open", () => { opened = true; });
    this.socket.addEventListener("message", (event) => {
      this.failures = 0;
      this.handlers.status("live", "live");
      this.#take(JSON.parse(event.data));
    });
    this.socket.addEventListener("close", (event) => {
      if (this.closed) return;
      if (REFUSALS[event.code]) { this.handlers.status("lost", REFUSALS[event.code]); return; }
      this.failures += 1;
      this.handlers.status("lost", "reconnecting");
      if (this.failures >= 2 && !opened) this.#poll();
      else this.timer = setTimeout(() => this.#connect(), Math.min(MOST_WAIT_MS, 250 * 2 ** this.failures));
    });
  }

  #take(frame) {
    if (frame.seq === null) { this.handlers.notice(frame); return; }
    if (frame.seq <= this.seq) return;
    if (frame.seq > this.seq + 1) { this.socket.close(); return; } // a gap: the next connection replays it
    this.seq = frame.seq;
    this.handlers.frame(frame);
  }

  async #poll() {
    if (this.closed) return;
    try {
      const answer = await fetch(`${this.eventsPlace}?after=${this.seq}`, { headers: { accept: "application/json" } });
      if (answer.ok) {
        const body = await answer.json();
        for (const frame of body.items ?? body.events ?? body) this.#take(frame);
        this.handlers.status("live", "live, by polling");
      } else this.handlers.status("lost", `the server answers ${answer.status}`);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch reports an unreachable server as a TypeError
      this.handlers.status("lost", "the server does not answer");
    }
    this.polls = (this.polls ?? 0) + 1;
    // Now and then the socket gets another chance: the proxy or the server may be back.
    this.timer = setTimeout(() => (this.polls % 10 === 0 ? this.#connect() : this.#poll()), POLL_MS);
  }
}
