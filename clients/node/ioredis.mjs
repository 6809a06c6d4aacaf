// The recipe for ioredis: a connector that goes to whoever is master now, and options.
//
// ioredis' own Sentinel connector takes 10 s as it comes. Its `failoverDetector` makes it quick, but where it hears of
// the switch while it is asking a Sentinel, the client ends for good with "Connection is closed".
import { AbstractConnector, Redis } from "ioredis";
import net from "node:net";
import tls from "node:tls";
import { setTimeout as pause } from "node:timers/promises";

// All in ms. A LAN answers in one; a hand-over pauses writes for less than half a second.
const CONNECT_TIMEOUT = 250;
const ANSWER_TIMEOUT = 500;
const SENTINEL_TIMEOUT = 3000; // nobody waits for one that is late: all are listened to at once
const PAUSE = 10;
const LOOK_EVERY = 2000; // a Sentinel that has announced nothing is asked again

/** Who is master, by the announcements of all Sentinels; ends the connections to who no longer is. */
export class Master {
  #answers = new Map();
  #streams = new Map();
  #address;
  #known;
  #options;

  /**
   * @param {{host: string, port: number}[]} sentinels
   * @param {string} name of the master
   * @param {import("ioredis").RedisOptions} options such as `password` and `tls`, for nodes and Sentinels alike
   */
  constructor(sentinels, name, options) {
    this.#options = options;
    let known;
    this.#known = new Promise((resolve) => (known = resolve));
    for (const sentinel of sentinels) this.#listen(sentinel, name, known);
  }

  /**
   * A client of whichever node is master. With `waits` for SUBSCRIBE and commands that wait (BLPOP, XREADGROUP BLOCK 0),
   * each in a client of its own.
   */
  client({ waits = false, ...options } = {}) {
    const master = this;
    class Connector extends AbstractConnector {
      async connect() {
        this.connecting = true;
        await master.#known;
        return (this.stream = master.#stream());
      }
    }
    const redis = new Redis({
      ...this.#options,
      Connector,
      connectTimeout: CONNECT_TIMEOUT,
      socketTimeout: waits ? undefined : ANSWER_TIMEOUT,
      disconnectTimeout: 0, // who is hung closes nothing
      // Until there is a master, tried again every 10 ms; commands are kept and sent again.
      retryStrategy: () => PAUSE,
      maxRetriesPerRequest: null,
      // A master that has become a replica says READONLY, and UNBLOCKED to who waits: connect anew, and send it again.
      reconnectOnError: (error) => (/^(READONLY|UNBLOCKED|NOREPLICAS|MASTERDOWN)/.test(error.message) ? 2 : false),
      ...options,
    });
    // Every attempt at a master that is gone is an error event; the commands are what counts.
    redis.on("error", () => {});
    return redis;
  }

  #stream() {
    const { host, port } = this.#address;
    const stream = this.#options.tls
      ? tls.connect({ host, port, ...this.#options.tls })
      : net.createConnection({ host, port });
    this.#streams.set(stream, this.#address);
    stream.once("close", () => this.#streams.delete(stream));
    return stream;
  }

  // The highest epoch is right: a Sentinel that has slept through a failover has a lower one.
  #heard(sentinel, answer) {
    if (answer) this.#answers.set(sentinel, answer);
    else this.#answers.delete(sentinel);
    const best = [...this.#answers.values()].sort((a, b) => b.epoch - a.epoch)[0];
    if (!best || (best.host === this.#address?.host && best.port === this.#address?.port)) return;
    this.#address = best;
    for (const [stream, to] of this.#streams) if (to.host !== best.host || to.port !== best.port) stream.destroy();
  }

  async #listen(sentinel, name, known) {
    const make = () => {
      const client = new Redis({
        ...this.#options,
        ...sentinel,
        connectTimeout: SENTINEL_TIMEOUT,
        commandTimeout: SENTINEL_TIMEOUT,
        enableReadyCheck: false,
        maxRetriesPerRequest: 0,
        retryStrategy: null,
      });
      client.on("error", () => {});
      return client;
    };
    for (;;) {
      const [asked, channel] = [make(), make()];
      try {
        let wake;
        channel.on("message", () => wake?.());
        channel.on("end", () => wake?.());
        await channel.subscribe("+switch-master");
        for (;;) {
          const announced = new Promise((resolve) => (wake = resolve));
          const state = fields(await asked.sentinel("MASTER", name));
          this.#heard(sentinel, { epoch: Number(state["config-epoch"]), host: state.ip, port: Number(state.port) });
          known();
          await Promise.race([announced, pause(LOOK_EVERY)]);
          if (channel.status === "end") break;
        }
      } catch {
        // It is gone; the others are there.
      }
      this.#heard(sentinel, undefined);
      asked.disconnect();
      channel.disconnect();
      await pause(PAUSE * 10);
    }
  }
}

/** What SENTINEL MASTER answers: an object, or names and values in turn. */
function fields(answer) {
  if (!Array.isArray(answer)) return answer instanceof Map ? Object.fromEntries(answer) : answer;
  return Object.fromEntries(answer.flatMap((name, i) => (i % 2 ? [] : [[name, answer[i + 1]]])));
}
