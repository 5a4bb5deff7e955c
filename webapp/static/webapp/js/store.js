// What a run's page knows: old state + frames = new state. Applying a frame twice changes nothing.

export class RunStore {
  constructor(series = {}) {
    this.rounds = new Map();
    this.clients = new Map();
    this.cohorts = new Map();
    this.facts = null;
    this.ledgers = new Map();
    this.lines = [];
    this.lastSeq = 0;
    this.finished = null;
    this.devices = new Set();
    for (const [name, { steps, values }] of Object.entries(series)) {
      steps.forEach((step, place) => this.#point(step, name, values[place]));
    }
  }

  /** Take over one numbered frame; true if it was news. */
  apply(frame) {
    if (frame.seq <= this.lastSeq) return false;
    this.lastSeq = frame.seq;
    const body = frame.body;
    switch (frame.kind) {
      case "metrics":
        for (const [name, value] of Object.entries(body.values)) this.#point(body.round, name, value);
        break;
      case "clients":
        this.clients.set(body.round, body);
        body.ids.forEach((id) => this.devices.add(id));
        body.measured?.ids.forEach((id) => this.devices.add(id));
        break;
      case "cohort":
        this.cohorts.set(body.round, body);
        body.clients.forEach((id) => this.devices.add(id));
        body.dropped.forEach(({ id }) => this.devices.add(id));
        break;
      case "ledger":
        this.ledgers.set(body.round, body.rows);
        break;
      case "finished":
        this.finished = body;
        this.lines.push({ frame, text: `finished: ${body.reason}`, level: "info" });
        break;
      case "started":
        this.facts = body;
        this.lines.push({ frame, text: "started", level: "info" });
        break;
      case "log":
        this.lines.push({ frame, text: body.message, level: body.level });
        break;
    }
    return true;
  }

  /** Rounds that have metrics, ascending. */
  steps() {
    return [...this.rounds.keys()].sort((a, b) => a - b);
  }

  /** The newest value of a metric; null without any. */
  last(name) {
    const steps = this.steps();
    for (let place = steps.length - 1; place >= 0; place -= 1) {
      const value = this.rounds.get(steps[place])[name];
      if (value !== undefined && value !== null) return value;
    }
    return null;
  }

  #point(step, name, value) {
    if (!this.rounds.has(step)) this.rounds.set(step, {});
    this.rounds.get(step)[name] = value;
  }
}
