// What the run found for a set of lost devices: nothing here is computed anew, what was not tried is not known.

const WORDS = {
  unharmed: "nothing is missed, none of them computes",
  standby: "others that hold the same weights take over",
  replanned: "a new plan is made of the devices that are left",
  degraded: "parts are missing, the answer goes without them",
  lost: "there is no answer, which counts as a wrong one",
};

export class Losses {
  /** @param failures {losses, num_sets, is_sample} of the run's event */
  constructor({ losses = [], num_sets: count = 0, is_sample: isSample = false }) {
    this.bySet = new Map(losses.map((loss) => [loss.devices.join(" "), loss]));
    this.devices = [...new Set(losses.flatMap((loss) => loss.devices))].sort((one, other) => one - other);
    this.most = Math.max(0, ...losses.map((loss) => loss.devices.length));
    this.tried = losses.length;
    this.count = count;
    this.isSample = isSample;
  }

  /** The row of a set of devices; undefined if the run did not try it. */
  of(devices) { return this.bySet.get([...devices].sort((one, other) => one - other).join(" ")); }

  /** Why a set is not there. */
  whyNot() {
    const sets = this.isSample ? `a sample of ${this.tried} of ${this.count} losses` : `every loss`;
    return `Not computed: the run tried ${sets} of up to ${this.most} device${this.most === 1 ? "" : "s"} of the plan.`;
  }
}

export function outcomeWords(outcome) { return WORDS[outcome] ?? outcome; }

/**
 * What remains of a plan after a loss, in the form of a plan: pieces where the loss says, and the messages between them.
 * What one device asks of a piece arrives there once, however many pieces read it. Times are not told of single pieces;
 * memory and energy are, by runs that tell of them.
 * @param plan the chosen one, with stages and wires
 * @param loss its row, with device_of each piece (-1: missing), stage_j and shares
 */
export function remains(plan, loss) {
  const at = (piece) => (piece < 0 ? plan.source : piece === plan.stages.length ? plan.sink : loss.device_of[piece]);
  const stages = plan.stages.map((stage, piece) => ({ ...stage, device: at(piece), start_s: null, end_s: null, energy_j: loss.stage_j?.[piece] ?? null })).filter(({ device }) => device >= 0);
  const messages = new Map();
  for (const { content, source, target, num_bytes } of plan.wires ?? []) {
    const [from, to] = [at(source), at(target)];
    if (from < 0 || to < 0 || from === to) continue;
    messages.set(`${content} ${source} ${to}`, { content, source: from, target: to, num_bytes, start_s: null, end_s: null });
  }
  const shares = new Map((loss.shares ?? []).map((share) => [share.device, share]));
  const devices = [...new Set([plan.source, plan.sink, ...stages.map(({ device }) => device), ...shares.keys()])].map((device) => shares.get(device) ?? { device });
  return { source: plan.source, sink: plan.sink, latency_s: loss.latency_s, stages: loss.latency_s === null ? [] : stages, messages: loss.latency_s === null ? [] : [...messages.values()], devices };
}
